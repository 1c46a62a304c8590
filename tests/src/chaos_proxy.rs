//! `ChaosProxy`: a network between a program and a registry that fails when a test says so.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the network does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Carries them.
    None,
    /// After so many bytes in this direction, cuts every connection and accepts none.
    Away {
        /// Which bytes count.
        direction: Direction,
        /// How many pass.
        after: u64,
    },
    /// Ends every connection after so many bytes from the registry, and accepts new ones.
    Truncate {
        /// How many bytes of one connection pass.
        after: u64,
    },
    /// Holds back every piece; what the registry sends counts.
    Delay(Duration),
    /// Changes one of so many bytes that the registry sends on a connection.
    Corrupt {
        /// How many.
        every: u64,
    },
}

/// Whose bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What a program sends.
    ToRegistry,
    /// What a registry answers.
    FromRegistry,
}

/// A TCP proxy on a port that the machine chose.
pub struct ChaosProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    registry: String,
    fault: Fault,
    passed: u64,
    closed: bool,
    connections: Vec<TcpStream>,
}

impl ChaosProxy {
    /// Listens, and carries what comes to `registry`, a host and port.
    pub fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port");
        let state = Arc::new(Mutex::new(State {
            registry: registry.to_owned(),
            fault: Fault::None,
            passed: 0,
            closed: false,
            connections: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &shared));
        Self { address, state }
    }

    /// Returns the address, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what goes wrong from now on; counting begins anew.
    pub fn set(&self, fault: Fault) {
        let mut state = lock(&self.state);
        state.fault = fault;
        state.passed = 0;
    }

    /// Lets everything pass again.
    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// Returns how many bytes passed in the counted direction since the fault was set.
    pub fn passed(&self) -> u64 {
        lock(&self.state).passed
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.cut_all();
        drop(state);
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn cut_all(&mut self) {
        for connection in self.connections.drain(..) {
            // The other side may have closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn is_away(&self) -> bool {
        matches!(self.fault, Fault::Away { after, .. } if self.passed >= after)
    }

    /// Decides how many of `length` bytes pass, and whether the connection lives on.
    fn pass(&mut self, direction: Direction, of_connection: u64, length: usize) -> (usize, bool) {
        match self.fault {
            Fault::Away {
                direction: counted,
                after,
            } => {
                if counted != direction {
                    return (length, !self.is_away());
                }
                let allowed = allowed(after.saturating_sub(self.passed), length);
                self.passed += allowed as u64;
                (allowed, !self.is_away())
            }
            Fault::Truncate { after } if direction == Direction::FromRegistry => {
                let allowed = allowed(after.saturating_sub(of_connection), length);
                (allowed, allowed == length)
            }
            Fault::Delay(_) if direction == Direction::FromRegistry => {
                self.passed += length as u64;
                (length, true)
            }
            Fault::None | Fault::Truncate { .. } | Fault::Delay(_) | Fault::Corrupt { .. } => {
                (length, true)
            }
        }
    }
}

fn allowed(left: u64, length: usize) -> usize {
    usize::try_from(left).map_or(length, |left| left.min(length))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Mutex<State>>) {
    for client in listener.incoming().map_while(Result::ok) {
        let mut state = lock(shared);
        if state.closed {
            return;
        }
        if state.is_away() {
            continue;
        }
        let Ok(registry) = TcpStream::connect(&state.registry) else {
            continue;
        };
        for (from, to, direction) in [
            (&client, &registry, Direction::ToRegistry),
            (&registry, &client, Direction::FromRegistry),
        ] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                continue;
            };
            let shared = Arc::clone(shared);
            std::thread::spawn(move || carry(from, to, direction, &shared));
        }
        state.connections.extend([client, registry]);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, direction: Direction, shared: &Mutex<State>) {
    let mut buffer = [0; 16 * 1024];
    let mut carried = 0;
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let fault = lock(shared).fault;
        match fault {
            Fault::Delay(delay) => std::thread::sleep(delay),
            Fault::Corrupt { every } if direction == Direction::FromRegistry => {
                corrupt(&mut buffer[..length], carried, every);
            }
            _ => {}
        }
        let (allowed, lives) = lock(shared).pass(direction, carried, length);
        if to.write_all(&buffer[..allowed]).is_err() {
            break;
        }
        carried += allowed as u64;
        if !lives {
            let mut state = lock(shared);
            if state.is_away() {
                state.cut_all();
            }
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Changes the last of each `every` bytes, of bytes that begin at `start`.
fn corrupt(bytes: &mut [u8], start: u64, every: u64) {
    for (position, byte) in (start + 1..).zip(bytes) {
        if position % every == 0 {
            *byte ^= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every connection with so many bytes.
    fn server(length: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let _ = client.write_all(&vec![b'x'; length]);
            }
        });
        address
    }

    fn read(proxy: &ChaosProxy) -> usize {
        let mut bytes = Vec::new();
        // A cut may arrive as an error or as an end.
        let _ = TcpStream::connect(proxy.address).and_then(|mut end| end.read_to_end(&mut bytes));
        bytes.len()
    }

    #[test]
    fn carries_everything_until_told_otherwise() {
        let proxy = ChaosProxy::before(&server(100_000));
        assert_eq!(read(&proxy), 100_000);
    }

    #[test]
    fn goes_away_after_so_many_bytes_and_comes_back() {
        let proxy = ChaosProxy::before(&server(100_000));
        proxy.set(Fault::Away {
            direction: Direction::FromRegistry,
            after: 30_000,
        });
        assert!(read(&proxy) <= 30_000);
        assert_eq!(proxy.passed(), 30_000);
        assert_eq!(read(&proxy), 0);
        proxy.heal();
        assert_eq!(read(&proxy), 100_000);
    }

    #[test]
    fn changes_one_of_so_many_bytes() {
        let mut bytes = *b"xxxxxxxxxx";
        let (first, second) = bytes.split_at_mut(4);
        corrupt(first, 0, 3);
        corrupt(second, 4, 3);
        assert_eq!(&bytes, b"xxyxxyxxyx");
    }

    #[test]
    fn truncates_each_connection() {
        let proxy = ChaosProxy::before(&server(100_000));
        proxy.set(Fault::Truncate { after: 30_000 });
        assert_eq!(read(&proxy), 30_000);
        assert_eq!(read(&proxy), 30_000);
    }
}
