//! The three programs together, as people and servers run them.
#![expect(clippy::unwrap_used, reason = "what goes wrong fails the test")]

mod agent;
mod bad_input;
mod ci;
mod crash;
mod day;
mod dependencies;
mod doctor;
mod evil;
mod fleet;
mod frozen;
mod growth;
mod heal;
mod hostile;
mod identify;
mod json;
mod offline;
mod oracle;
mod packaging;
mod pains;
mod patch;
mod power;
mod progress;
mod promotion;
mod readme;
mod reproduce;
mod rooms;
mod same_bytes;
mod self_update;
mod serve;
mod server_doctor;
mod systemd;
mod third_party;
mod update;
mod wave;
mod week;
