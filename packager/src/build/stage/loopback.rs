//! The network of a sandbox: a loopback device that works, and nothing else (rtnetlink(7)).

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST_ACK: u16 = 1 | 4;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;
/// The first device of every network namespace.
const LOOPBACK: u32 = 1;
/// The sizes of `struct nlmsghdr` and `struct ifinfomsg`.
const LENGTH: u32 = 16 + 16;

/// Asks the kernel to switch the loopback device on.
pub(super) fn bring_up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::net::send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    check(&answer[..length])
}

fn request() -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(RTM_NEWLINK.to_ne_bytes());
    request.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    request.extend([0; 8]); // sequence number and port
    request.extend([0; 4]); // family, padding, device type
    request.extend(LOOPBACK.to_ne_bytes());
    request.extend(IFF_UP.to_ne_bytes()); // the new flags
    request.extend(IFF_UP.to_ne_bytes()); // which of them change
    request
}

/// An answer is a header of 16 bytes and an error number, 0 for success.
fn check(answer: &[u8]) -> io::Result<()> {
    let field = |from: usize| answer.get(from..from + 4)?.try_into().ok();
    let kind = answer.get(4..6).and_then(|kind| kind.try_into().ok());
    match (
        kind.map(u16::from_ne_bytes),
        field(16).map(i32::from_ne_bytes),
    ) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(error)) => {
            Err(io::Error::from_raw_os_error(error.saturating_neg()))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel's answer cannot be understood",
        )),
    }
}
