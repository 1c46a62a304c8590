//! Bad input and bad luck: a clear sentence, the right exit status, nothing lost, and the same
//! command works once the cause is gone.

mod authority;
mod checkout;
mod disk;
mod network;
mod read_only;
