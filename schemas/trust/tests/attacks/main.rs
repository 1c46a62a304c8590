//! The attacks that replay, admission and `accept` have to stop: by the registry, by mirrors, by
//! whoever may send to a registry, and with stolen keys. `docs/trust.md` lists them with what stops
//! each.

mod flood;
mod forgery;
mod history;
mod order;
mod policy;
mod reading;
