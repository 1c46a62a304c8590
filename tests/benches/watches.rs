//! Ten thousand clients that wait for the log to grow: what each costs the registry, and how soon
//! all of them know.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use bulla_tests::World;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::report;

const CLIENTS: usize = 10_000;
const PROJECT: &str = "acme/watched";

pub(crate) fn all() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit goes up to the hard one");
    let world = World::new();
    let checkout = world.git(PROJECT);
    let mut clients: Vec<_> = (0..100).map(|_| watch(world.registry.address())).collect();
    let before = world.registry.memory();
    clients.extend((0..CLIENTS).map(|_| watch(world.registry.address())));
    let each = world.registry.memory().saturating_sub(before) / CLIENTS as u64;
    report::fact("10,000 watches", &format!("{each} bytes each"));
    world.publish(&checkout.path);
    let appended = Instant::now();
    for client in &mut clients {
        read_until(client, b"}\n\n");
    }
    report::fact(
        "",
        &format!(
            "all told {:.2} s after `bulla publish` ended",
            appended.elapsed().as_secs_f64()
        ),
    );
}

/// Begins to watch, and waits until that has begun.
fn watch(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("the registry listens");
    let request = format!(
        "GET /api/v1/watch?size=1 HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n"
    );
    let sent = connection.write_all(request.as_bytes());
    sent.expect("the registry takes a request");
    read_until(&mut connection, b"\n\n\r\n");
    connection
}

fn read_until(connection: &mut TcpStream, end: &[u8]) {
    let mut read = Vec::new();
    while !read.windows(end.len()).any(|piece| piece == end) {
        let mut piece = [0; 512];
        let count = connection.read(&mut piece).expect("the registry answers");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
}
