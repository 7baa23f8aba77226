//! Conversations: who talks with whom, and which of both is the server.

use std::collections::HashMap;
use std::mem;
use std::net::IpAddr;

use traffix_core::delivery::PrefixTable;

use super::Limits;
use super::hello::{self, Opening};
use super::packet::{Packet, TCP, UDP};
use super::report::Seen;
use super::servers::Servers;
use super::tunnel::{Tally, Tunnel};

/// Whether services listen on a port: below 1024, and a few that platforms and proxies are known for.
///
/// Ports that games use on both sides (3074, 3478 to 3480, 27000 to 27100) are not among them, lest a player's machine
/// is taken for a server.
///
/// ```
/// use traffix_telemetry::capture::is_service_port;
/// assert!(is_service_port(443) && is_service_port(8080) && !is_service_port(50_000) && !is_service_port(0));
/// ```
pub fn is_service_port(port: u16) -> bool {
    (1..1024).contains(&port) || matches!(port, 1119 | 5222 | 5223 | 5228 | 8000 | 8080 | 8443)
}

/// An address with its port.
type End = (IpAddr, u16);

/// Two ends, the smaller first, and the IP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) ends: [End; 2],
    protocol: u8,
}

impl Pair {
    /// The pair of a packet, and which end sent it.
    fn of(packet: &Packet<'_>) -> (Self, usize) {
        let (from, to) = ((packet.source, packet.ports.0), (packet.destination, packet.ports.1));
        let sender = usize::from(from > to);
        let ends = if sender == 0 { [from, to] } else { [to, from] };
        (Self { ends, protocol: packet.protocol }, sender)
    }
}

/// What is known about one conversation.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Bytes of layer 3 that each end sent.
    pub(super) bytes: [u64; 2],
    pub(super) packets: u64,
    pub(super) first_ns: Option<i64>,
    pub(super) last_ns: Option<i64>,
    /// The name that was asked for.
    pub(super) name: Option<(Box<str>, Seen)>,
    /// Whether the hello has an encrypted part, or a decoy of one.
    pub(super) ech: bool,
    pub(super) quic: bool,
    local: bool,
    tunnel: Option<Tunnel>,
    /// The end that sent a hello or a request.
    asker: Option<usize>,
    /// The end that began, and the number of its first byte.
    syn: Option<(usize, u32)>,
    opening: State,
}

/// How far the first bytes are read.
#[derive(Debug, Default)]
enum State {
    #[default]
    Waiting,
    Gathering(Box<Start>),
    Done,
}

/// The first bytes of one end as far as they have come, in order or not.
#[derive(Debug)]
struct Start {
    sender: usize,
    /// Number of the first byte.
    base: u32,
    bytes: Vec<u8>,
    /// A piece that came before its turn.
    ahead: Option<(usize, Vec<u8>)>,
}

impl Flow {
    fn packet(&mut self, packet: &Packet<'_>, sender: usize, at_ns: Option<i64>) {
        self.bytes[sender] += packet.bytes;
        self.packets += 1;
        self.first_ns = self.first_ns.into_iter().chain(at_ns).min();
        self.last_ns = self.last_ns.max(at_ns);
        self.local |= packet.is_local();
        self.tunnel = self.tunnel.or(packet.tunnel);
        // A long header with a version is how connections of QUIC begin (RFC 9000 section 17.2).
        self.quic |= packet.protocol == UDP
            && (packet.ports.0 == 443 || packet.ports.1 == 443)
            && matches!(packet.payload, [first, a, b, c, d, ..] if first >> 6 == 3 && [*a, *b, *c, *d] != [0; 4]);
    }

    /// Reads the first bytes of TCP. `room` says how many conversations may still be gathered.
    fn segment(&mut self, packet: &Packet<'_>, sender: usize, room: &mut Room) {
        let Some(tcp) = packet.tcp else { return };
        if tcp.syn {
            // The answer tells as much as the SYN itself, which may have been missed.
            self.syn = Some(match tcp.acknowledged {
                None => (sender, tcp.sequence.wrapping_add(1)),
                Some(next) => (1 - sender, next),
            });
            return;
        }
        if packet.payload.is_empty() {
            return;
        }
        match mem::replace(&mut self.opening, State::Done) {
            State::Done => {}
            State::Waiting => self.begin(packet, sender, room),
            State::Gathering(start) if start.sender != sender => self.opening = State::Gathering(start),
            State::Gathering(mut start) => {
                start.add(tcp.sequence, packet.payload);
                let opening = hello::read(&start.bytes);
                if opening == Opening::More {
                    self.opening = State::Gathering(start);
                } else {
                    room.free();
                    self.opened(opening, sender);
                }
            }
        }
    }

    fn begin(&mut self, packet: &Packet<'_>, sender: usize, room: &mut Room) {
        let Some(tcp) = packet.tcp else { return };
        let base = match self.syn {
            Some((client, base)) if client == sender => base,
            // The server speaks first, or the beginning was missed: whatever looks like one is taken for it.
            _ if hello::looks_like_one(packet.payload) => tcp.sequence,
            _ => {
                self.opening = State::Waiting;
                return;
            }
        };
        let offset = tcp.sequence.wrapping_sub(base) as usize;
        let opening = if offset == 0 { hello::read(packet.payload) } else { Opening::More };
        if opening != Opening::More {
            self.opened(opening, sender);
        } else if offset >= hello::MAX_BYTES {
            // It began long ago; a later request may still be seen.
            self.syn = None;
            self.opening = State::Waiting;
        } else if room.take() {
            let mut start = Box::new(Start { sender, base, bytes: Vec::new(), ahead: None });
            start.add(tcp.sequence, packet.payload);
            self.opening = State::Gathering(start);
        }
    }

    fn opened(&mut self, opening: Opening, sender: usize) {
        if let Opening::Asked { name, seen, ech } = opening {
            self.asker = Some(sender);
            self.name = name.map(|name| (name, seen));
            self.ech = ech;
        }
    }
}

impl Start {
    fn add(&mut self, sequence: u32, payload: &[u8]) {
        let offset = sequence.wrapping_sub(self.base) as usize;
        let have = self.bytes.len();
        if offset > have {
            // What lies outside the window came long before or much too early.
            if offset + payload.len() <= hello::MAX_BYTES && self.ahead.is_none() {
                self.ahead = Some((offset, payload.to_vec()));
            }
            return;
        }
        if let Some(new) = payload.get(have - offset..) {
            let wanted = new.len().min(hello::MAX_BYTES - have);
            self.bytes.extend_from_slice(&new[..wanted]);
        }
        if let Some((offset, piece)) = self.ahead.take() {
            self.add(self.base.wrapping_add(u32::try_from(offset).unwrap_or(u32::MAX)), &piece);
        }
    }
}

/// How many first bytes are being gathered.
#[derive(Debug)]
struct Room {
    free: usize,
    /// Conversations that found no room.
    refused: u64,
}

impl Room {
    fn take(&mut self) -> bool {
        let granted = self.free > 0;
        if granted {
            self.free -= 1;
        } else {
            self.refused += 1;
        }
        granted
    }

    fn free(&mut self) {
        self.free += 1;
    }
}

/// All conversations under way.
///
/// Two halves: what is talked in is in the young one. When that is full, it becomes the old one, and what is still in
/// the old one has been silent for long enough to be summed up.
pub(super) struct Flows<'table> {
    pub(super) tunnels: Tally,
    young: HashMap<Pair, Flow>,
    old: HashMap<Pair, Flow>,
    half: usize,
    room: Room,
    servers: Servers<'table>,
}

impl<'table> Flows<'table> {
    pub(super) fn new(table: &'table PrefixTable, limits: &Limits) -> Self {
        Self {
            tunnels: Tally::default(),
            young: HashMap::new(),
            old: HashMap::new(),
            half: (limits.flows / 2).max(1),
            room: Room { free: limits.openings, refused: 0 },
            servers: Servers::new(table, limits.servers),
        }
    }

    pub(super) fn packet(&mut self, packet: &Packet<'_>, at_ns: Option<i64>) {
        let (pair, sender) = Pair::of(packet);
        if !self.young.contains_key(&pair) {
            if self.young.len() >= self.half {
                let silent = mem::replace(&mut self.old, mem::take(&mut self.young));
                self.servers.early_flows += silent.len() as u64;
                self.settle(silent);
            }
            let known = self.old.remove(&pair).unwrap_or_default();
            self.young.insert(pair, known);
        }
        let Some(flow) = self.young.get_mut(&pair) else { return };
        flow.packet(packet, sender, at_ns);
        if packet.protocol == TCP && !matches!(flow.opening, State::Done) {
            flow.segment(packet, sender, &mut self.room);
        }
    }

    /// Sums up conversations: first those that show their server, then those that need to know other servers.
    fn settle(&mut self, flows: HashMap<Pair, Flow>) {
        let mut unclear = Vec::new();
        for (pair, flow) in flows {
            if matches!(flow.opening, State::Gathering(_)) {
                self.room.free();
            }
            if let Some(tunnel) = flow.tunnel {
                self.tunnels.conversation(tunnel, flow.bytes.iter().sum());
            }
            if flow.local {
                self.servers.local(&flow);
                continue;
            }
            match shown(&pair, &flow).or_else(|| self.servers.by_table(&pair)) {
                Some(server) => self.servers.add(&pair, server, flow),
                None => unclear.push((pair, flow)),
            }
        }
        for (pair, flow) in unclear {
            match self.servers.elsewhere(&pair) {
                Some(server) => self.servers.add(&pair, server, flow),
                None => self.servers.withheld(&flow),
            }
        }
    }

    /// Sums up what is still under way.
    pub(super) fn finish(mut self) -> (Servers<'table>, Tally) {
        let mut all = mem::take(&mut self.old);
        all.extend(mem::take(&mut self.young));
        self.settle(all);
        self.servers.refused_openings = self.room.refused;
        (self.servers, self.tunnels)
    }
}

/// Which end is the server, as far as the conversation itself shows.
fn shown(pair: &Pair, flow: &Flow) -> Option<usize> {
    if let Some(asker) = flow.asker {
        return Some(1 - asker);
    }
    let [a, b] = pair.ends.map(|(_, port)| port);
    match (is_service_port(a), is_service_port(b)) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        (true, true) if a != b => Some(
            flow.syn.map_or_else(|| usize::from(flow.bytes[1] > flow.bytes[0]), |(client, _)| 1 - client),
        ),
        _ => None,
    }
}
