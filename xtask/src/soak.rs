//! `cargo xtask soak`: the collector at the highest rate that the machine takes, with its memory watched.
//!
//! Two processes share the machine: this one sends IPFIX from several exporters over loopback as fast as the sockets
//! take it, `traffix collect` counts it into a store. Every ten seconds resident memory and processor time of the
//! collector are read. Memory must be flat after the first tenth of the time.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::run::{Result, cargo, command, root, run};

const LISTEN: &str = "127.0.0.1:14739";
/// Fields of the template: information element and length, as routers export them.
const FIELDS: [(u16, u16); 11] =
    [(8, 4), (12, 4), (1, 8), (2, 8), (152, 8), (153, 8), (7, 2), (11, 2), (4, 1), (10, 4), (14, 4)];
const TEMPLATE: u16 = 256;
const RECORDS: u32 = 26;
const EXPORTERS: u8 = 8;
/// Growth of memory that still counts as flat: allocators keep some of what they are given back.
const FLAT: f64 = 1.05;

const NETWORK: &str = r#"id = "soak"
tz = "UTC"
lines = 100000
prefixes = ["10.0.0.0/8"]
"#;

/// Runs for `--minutes N`, 30 unless said.
pub(crate) fn soak(args: &[String]) -> Result {
    let minutes: u64 = match args {
        [] => 30,
        [flag, minutes] if flag == "--minutes" => minutes.parse().map_err(|e| format!("--minutes: {e}"))?,
        _ => return Err("usage: cargo xtask soak [--minutes N]".into()),
    };
    run(&mut cargo(&["build", "--release", "--package", "traffix-server"]))?;
    let folder = root().join("target/soak");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let network = folder.join("network.toml");
    std::fs::write(&network, NETWORK).map_err(|e| e.to_string())?;
    let database = format!("sqlite:{}", folder.join("soak.db").display());
    let program = root().join("target/release/traffix");
    let mut collect =
        command(&program.display().to_string(), &["collect", "--ipfix", LISTEN, "--database", &database]);
    let log = std::fs::File::create(folder.join("collect.log")).map_err(|e| e.to_string())?;
    collect.arg("--network").arg(&network).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut collector = collect.spawn().map_err(|e| format!("cannot start {}: {e}", program.display()))?;
    let watched = watch(&collector, Duration::from_secs(minutes * 60));
    let stopped = stop(&mut collector);
    let (early, late) = watched?;
    stopped?;
    println!("resident memory: {early:.1} MiB after a tenth of the time, at most {late:.1} MiB after it");
    if late <= early * FLAT { Ok(()) } else { Err("memory grew".into()) }
}

/// Sends for the whole time and prints a line every ten seconds. Memory after a tenth of the time, and its highest later.
fn watch(collector: &Child, time: Duration) -> Result<(f64, f64)> {
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sender = {
        let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
        std::thread::spawn(move || send(&stop, &sent))
    };
    let started = Instant::now();
    let (mut early, mut late) = (None, 0.0_f64);
    println!("{:>8} {:>14} {:>10} {:>12}", "seconds", "flows sent", "RSS MiB", "CPU seconds");
    while started.elapsed() < time {
        std::thread::sleep(Duration::from_secs(10));
        let (rss, cpu) = usage(collector.id())?;
        println!("{:>8} {:>14} {rss:>10.1} {cpu:>12.1}", started.elapsed().as_secs(), sent.load(Relaxed));
        if started.elapsed() * 10 >= time {
            early.get_or_insert(rss);
            late = late.max(rss);
        }
    }
    stop.store(true, Relaxed);
    sender.join().map_err(|_| "the sender failed".to_owned())??;
    Ok((early.unwrap_or(late), late))
}

/// Sends until told to stop; each exporter has an address of its own.
fn send(stop: &AtomicBool, sent: &AtomicU64) -> Result {
    let to: SocketAddr = LISTEN.parse().map_err(|e| format!("{LISTEN}: {e}"))?;
    let mut sockets = Vec::new();
    for exporter in 1..=EXPORTERS {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, exporter), 0)).map_err(|e| e.to_string())?;
        socket.connect(to).map_err(|e| e.to_string())?;
        sockets.push(socket);
    }
    let (mut sequence, mut random) = (0_u32, 0x9e37_79b9_7f4a_7c15_u64);
    let mut message = Vec::with_capacity(1500);
    for round in 0_u64.. {
        if stop.load(Relaxed) {
            break;
        }
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
        for socket in &sockets {
            write(&mut message, (now_ms, sequence), round % 1000 == 0, &mut random);
            // Before the collector listens, and while it is busy, the kernel refuses: that is the limit looked for.
            let _ = socket.send(&message);
        }
        sequence = sequence.wrapping_add(RECORDS);
        sent.fetch_add(u64::from(RECORDS) * u64::from(EXPORTERS), Relaxed);
    }
    Ok(())
}

/// One IPFIX message (RFC 7011): the template now and then, and flows from all over to the network.
fn write(message: &mut Vec<u8>, (now_ms, sequence): (u64, u32), with_template: bool, random: &mut u64) {
    message.clear();
    let export_secs = u32::try_from(now_ms / 1000).unwrap_or(u32::MAX);
    message.extend(10_u16.to_be_bytes());
    message.extend([0, 0]); // the length, below
    message.extend([export_secs, sequence, 1].map(u32::to_be_bytes).concat());
    if with_template {
        let fields = u16::try_from(FIELDS.len()).unwrap_or(0);
        message.extend([2, 8 + 4 * fields, TEMPLATE, fields].map(u16::to_be_bytes).concat());
        message.extend(
            FIELDS.iter().flat_map(|(id, length)| [id.to_be_bytes(), length.to_be_bytes()]).flatten(),
        );
    }
    let set = message.len();
    message.extend([TEMPLATE, 0].map(u16::to_be_bytes).concat());
    for _ in 0..RECORDS {
        // SplitMix64 (Steele, Lea, Flood 2014) would be better; a multiplier is random enough for addresses.
        *random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let bits = (*random >> 16).to_be_bytes();
        message.extend([bits[2], bits[3], bits[4], bits[5]]);
        message.extend([10, bits[3], bits[5], bits[7]]);
        message.extend([1_200, 1, now_ms - 10_000, now_ms].map(u64::to_be_bytes).concat());
        message.extend([443, 50_000_u16].map(u16::to_be_bytes).concat());
        message.push(6);
        message.extend([u32::from(bits[6] % 8) + 1, 9].map(u32::to_be_bytes).concat());
    }
    let length = |from: usize, len: usize| u16::try_from(len - from).unwrap_or(0).to_be_bytes();
    let (whole, data) = (length(0, message.len()), length(set, message.len()));
    message[2..4].copy_from_slice(&whole);
    message[set + 2..set + 4].copy_from_slice(&data);
}

/// Resident memory in MiB and processor time in seconds, from `/proc` (Linux; pages of 4 KiB, ticks of 10 ms).
fn usage(pid: u32) -> Result<(f64, f64)> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}"))
            .map_err(|e| format!("the collector is gone: {e}"))
    };
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    let pages = number(read("statm")?.split_whitespace().nth(1));
    let stat = read("stat")?;
    // The second field is a name in parentheses, which may hold blanks.
    let rest = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    let ticks = number(rest.get(11).copied()) + number(rest.get(12).copied());
    Ok((pages * 4096.0 / 1_048_576.0, ticks / 100.0))
}

/// Asks the collector to stop, as Ctrl-C does, and waits until it has.
fn stop(collector: &mut Child) -> Result {
    run(&mut command("kill", &["-INT", &collector.id().to_string()]))?;
    let status = collector.wait().map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the collector ended with {status}")) }
}
