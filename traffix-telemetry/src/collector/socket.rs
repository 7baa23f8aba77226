//! UDP sockets that share an address, and how datagrams come out of them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::net::UdpSocket;

use socket2::{Domain, Protocol, Socket, Type};

#[cfg(target_os = "linux")]
pub(super) use many::Receiver;
#[cfg(not(target_os = "linux"))]
pub(super) use one::Receiver;

/// How long a thread waits for a datagram before it looks after other things.
const PATIENCE: Duration = Duration::from_millis(100);
/// Room for a datagram. Larger than any, and no power of two: so that the beginnings of the buffers, which are what is
/// used, do not compete for the same lines of the cache.
const BUFFER: usize = 65_536 + 1_536;

/// The first socket of a collector at `address`, and the bytes that the kernel gives it for waiting datagrams.
pub(super) fn bind_alone(address: SocketAddr, buffer_bytes: usize) -> io::Result<(UdpSocket, usize)> {
    // A socket that shares its address does not notice others that do: two collectors would get a part of the
    // datagrams each. One that does not share is refused.
    let alone = |address: SocketAddr| {
        new(address)?.bind(&address.into())?;
        bind(address, buffer_bytes)
    };
    match alone(address) {
        // Without IPv6 in the kernel, everything is IPv4.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse && address == wildcard(address.port()) => {
            alone((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        bound => bound,
    }
}

/// A socket at `address`, beside others of this collector.
pub(super) fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<(UdpSocket, usize)> {
    let socket = new(address)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    // Kernels give less than they are asked for, with or without complaint: what was given is looked at.
    let _ = socket.set_recv_buffer_size(buffer_bytes);
    let got_bytes = socket.recv_buffer_size()?;
    // Linux tells twice of what it was asked for, as bookkeeping takes room too (man 7 socket).
    let got_bytes = if cfg!(target_os = "linux") { got_bytes / 2 } else { got_bytes };
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&address.into())?;
    Ok((socket.into(), got_bytes))
}

/// A socket for `address`; the wildcard of IPv6 takes IPv4 too.
fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address != wildcard(address.port()))?;
    }
    Ok(socket)
}

fn wildcard(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

/// Many datagrams in one system call.
#[cfg(target_os = "linux")]
mod many {
    use std::io::IoSliceMut;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

    use super::{BUFFER, IpAddr, UdpSocket, io};

    /// Datagrams taken at a time at most.
    const AT_ONCE: usize = 64;
    /// Where fewer came at once, more are let gather before the next are taken: most of what a datagram costs that comes
    /// alone is waking up for it.
    const FEW: usize = AT_ONCE / 4;
    /// How long. Bins are seconds at least, so nobody notices.
    const GATHERING: Duration = Duration::from_millis(1);
    /// Room of a socket in which they may: it takes what arrives at 8 Gbit/s meanwhile.
    const ROOMY_BYTES: usize = 1 << 20;

    /// Reads a socket.
    pub(in crate::collector) struct Receiver {
        socket: UdpSocket,
        buffers: Vec<u8>,
        headers: MultiHeaders<SockaddrStorage>,
        received: Vec<(Option<IpAddr>, usize)>,
        is_roomy: bool,
    }

    impl Receiver {
        pub(in crate::collector) fn new(socket: UdpSocket) -> Self {
            let room = socket2::SockRef::from(&socket).recv_buffer_size();
            Self {
                // Linux tells twice of what datagrams have.
                is_roomy: room.is_ok_and(|bytes| bytes / 2 >= ROOMY_BYTES),
                socket,
                buffers: vec![0; AT_ONCE * BUFFER],
                headers: MultiHeaders::preallocate(AT_ONCE, None),
                received: Vec::with_capacity(AT_ONCE),
            }
        }

        /// Waits for a datagram, takes what else there is, and gives all to `each` with the sender's address. The answer
        /// is how many there were: 0 after waiting in vain.
        pub(in crate::collector) fn receive(
            &mut self,
            mut each: impl FnMut(IpAddr, &[u8]),
        ) -> io::Result<usize> {
            if self.is_roomy && (1..FEW).contains(&self.received.len()) {
                std::thread::sleep(GATHERING);
            }
            self.received.clear();
            let mut slices: Vec<_> =
                self.buffers.chunks_exact_mut(BUFFER).map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let fd = self.socket.as_raw_fd();
            match recvmmsg(fd, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None) {
                Ok(messages) => {
                    self.received
                        .extend(messages.map(|m| (m.address.and_then(|from| address(&from)), m.bytes)));
                }
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
            for ((from, len), buffer) in self.received.iter().zip(self.buffers.chunks_exact(BUFFER)) {
                if let Some(from) = from {
                    each(*from, &buffer[..*len]);
                }
            }
            Ok(self.received.len())
        }
    }

    fn address(from: &SockaddrStorage) -> Option<IpAddr> {
        let v4 = || from.as_sockaddr_in().map(|v4| v4.ip().into());
        v4().or_else(|| from.as_sockaddr_in6().map(|v6| v6.ip().to_canonical()))
    }
}

/// One datagram at a time, which works everywhere.
#[cfg(any(test, not(target_os = "linux")))]
mod one {
    use super::{BUFFER, IpAddr, UdpSocket, io};

    /// Reads a socket.
    pub(in crate::collector) struct Receiver {
        socket: UdpSocket,
        buffer: Vec<u8>,
    }

    impl Receiver {
        pub(in crate::collector) fn new(socket: UdpSocket) -> Self {
            Self { socket, buffer: vec![0; BUFFER] }
        }

        /// Waits for a datagram and gives it to `each` with the sender's address. The answer is how many there were: 0
        /// after waiting in vain.
        pub(in crate::collector) fn receive(
            &mut self,
            mut each: impl FnMut(IpAddr, &[u8]),
        ) -> io::Result<usize> {
            use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
            match self.socket.recv_from(&mut self.buffer) {
                Ok((len, from)) => {
                    each(from.ip().to_canonical(), &self.buffer[..len]);
                    Ok(1)
                }
                Err(error) if matches!(error.kind(), Interrupted | TimedOut | WouldBlock) => Ok(0),
                Err(error) => Err(error),
            }
        }
    }
}

/// Numbers by which the system's table of sockets knows these.
#[cfg(target_os = "linux")]
pub(super) fn inodes(sockets: &[UdpSocket]) -> Vec<u64> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    let inode = |socket: &UdpSocket| std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
    sockets.iter().filter_map(|socket| inode(socket).ok().map(|meta| meta.ino())).collect()
}

/// Datagrams that the kernel dropped because nobody read the sockets in time.
#[cfg(target_os = "linux")]
pub(super) fn kernel_drops(inodes: &[u64]) -> Option<u64> {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"].map(std::fs::read_to_string);
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    // The tenth column is the inode, the last the drops (proc_net_udp of the kernel's documentation).
    let mut found = lines.filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_ours = inodes.contains(&columns.get(9)?.parse().ok()?);
        is_ours.then(|| columns.last()?.parse::<u64>().ok()).flatten()
    });
    let first = found.next()?;
    Some(first + found.sum::<u64>())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn inodes(_: &[UdpSocket]) -> Vec<u64> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn kernel_drops(_: &[u64]) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let (socket, _) = bind(address.parse().unwrap(), 1 << 16).unwrap();
        let port = socket.local_addr().unwrap().port();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(("127.0.0.1", port)).unwrap();
        (socket, sender)
    }

    /// What a receiver gets of datagrams of lengths 0, 1, 2 …
    fn lengths(
        mut receive: impl FnMut(&mut dyn FnMut(IpAddr, &[u8])) -> usize,
        sender: &UdpSocket,
    ) -> Vec<usize> {
        let mut lengths = Vec::new();
        for len in [0, 1, 1400, 60_000] {
            sender.send(&vec![7; len]).unwrap();
        }
        while lengths.len() < 4 {
            let got = receive(&mut |from, datagram| {
                assert_eq!(from, IpAddr::V4(Ipv4Addr::LOCALHOST));
                assert!(datagram.iter().all(|byte| *byte == 7));
                lengths.push(datagram.len());
            });
            assert!(got > 0, "nothing came after {lengths:?}");
        }
        assert_eq!(receive(&mut |_, _| unreachable!()), 0);
        lengths
    }

    #[test]
    fn both_ways_of_receiving_give_the_same_on_every_kind_of_socket() {
        for address in ["127.0.0.1:0", "[::]:0", "0.0.0.0:0"] {
            let (socket, sender) = pair(address);
            let mut receiver = one::Receiver::new(socket);
            assert_eq!(lengths(|each| receiver.receive(each).unwrap(), &sender), [0, 1, 1400, 60_000]);
            let (socket, sender) = pair(address);
            let mut receiver = Receiver::new(socket);
            assert_eq!(lengths(|each| receiver.receive(each).unwrap(), &sender), [0, 1, 1400, 60_000]);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_kernel_drops_is_seen() {
        let (socket, sender) = pair("127.0.0.1:0");
        let inodes = inodes(std::slice::from_ref(&socket));
        assert_eq!(kernel_drops(&inodes), Some(0));
        for _ in 0..200 {
            sender.send(&[0; 1400]).unwrap();
        }
        let mut receiver = Receiver::new(socket);
        let mut received = 0;
        loop {
            match receiver.receive(|_, _| ()).unwrap() {
                0 => break,
                some => received += some as u64,
            }
        }
        assert!(received < 200);
        assert_eq!(kernel_drops(&inodes), Some(200 - received));
    }
}
