//! nginx and `HAProxy` (Debian packages) answer over loopback; what their logs say equals what the client got.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use traffix_telemetry::access_log::{
    CacheStatus, Client, Clients, Follower, Limits, Reader, Reading, Request, StatusClass,
};

/// Longest wait for anything to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Workers are processes of their own: the whole group ends.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// Programs of administrators are not on everybody's path.
fn program(name: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).chain(["/usr/sbin".into()]).map(|folder| folder.join(name));
    let mut found = found.filter(|path| path.exists());
    found.next().unwrap_or_else(|| panic!("install the Debian package {name}"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

impl Server {
    fn nginx() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let origin = free_port();
        fs::create_dir(folder.path().join("www")).unwrap();
        // Workers of a server that root starts run as another user.
        fs::write(folder.path().join("www/large"), vec![b'x'; 300_000]).unwrap();
        let at = folder.path().display();
        let config = format!(
            r#"daemon off; master_process on; worker_processes 1; pid {at}/pid; error_log {at}/error.log; user root;
            events {{}}
            http {{
                client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
                uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                proxy_cache_path {at}/cache keys_zone=all:1m;
                log_format cachelog '[$cacheidentifier] $remote_addr / $http_x_forwarded_for - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$upstream_cache_status" "$host" "$http_range"';
                server {{
                    listen 127.0.0.1:{port};
                    set $cacheidentifier steam;
                    access_log {at}/access.log combined;
                    access_log {at}/cache.log cachelog;
                    location / {{
                        proxy_pass http://127.0.0.1:{origin};
                        proxy_cache all; proxy_cache_key $uri; proxy_cache_valid 200 1h;
                    }}
                }}
                server {{ listen 127.0.0.1:{origin}; access_log off; location / {{ root {at}/www; }} }}
            }}"#
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(program("nginx"));
        command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(&file).stdout(Stdio::null());
        Self::start(command, folder, port)
    }

    fn haproxy(to: u16) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let config = format!(
            "global\n  log stdout format raw local0\ndefaults\n  mode http\n  log global\n  option httplog\n\
             \x20 timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
             frontend web\n  bind 127.0.0.1:{port}\n  capture request header Host len 64\n  default_backend shop\n\
             backend shop\n  server one 127.0.0.1:{to}\n"
        );
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, config).unwrap();
        let log = fs::File::create(folder.path().join("access.log")).unwrap();
        let mut command = Command::new(program("haproxy"));
        command.arg("-db").arg("-f").arg(&file).stdout(log).env("TZ", "UTC");
        Self::start(command, folder, port)
    }

    fn start(mut command: Command, folder: tempfile::TempDir, port: u16) -> Self {
        let child = command.process_group(0).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder, port };
        until("the server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Asks and reads the whole answer: bytes of it and of its body.
    fn get(&self, path: &str, host: &str) -> (u64, u64) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: \"q\" [x\r\n\r\n"
        );
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        (answer.len() as u64, (answer.len() - head) as u64)
    }
}

struct Logged {
    reader: Reader,
    requests: Vec<Request<'static>>,
}

impl Logged {
    fn new(log: PathBuf) -> Self {
        let clients = Clients::default().internal("127.0.0.0/8".parse().unwrap());
        let reading = Reading { clients, ..Reading::default() };
        let reader = Reader::new(Follower::new(vec![log], true, Limits::default()), None, reading);
        Self { reader, requests: Vec::new() }
    }

    fn until(&mut self, count: usize) {
        until("lines of the log", || {
            self.reader.poll(0, |request| self.requests.push(request.into_owned()));
            self.requests.len() >= count
        });
        assert_eq!(self.requests.len(), count);
        assert_eq!(self.reader.stats().malformed, 0, "{:?}", self.reader.stats());
    }

    fn bytes(&self) -> u64 {
        self.requests.iter().filter_map(|request| request.sent_bytes).sum()
    }
}

#[test]
fn nginx_through_a_rotation() {
    let server = Server::nginx();
    let mut combined = Logged::new(server.path().join("access.log"));
    let mut cachelog = Logged::new(server.path().join("cache.log"));
    let mut got = 0;
    for n in 0..20 {
        if n == 10 {
            // What logrotate does: rename, then tell nginx. Requests in between go to the old file.
            for name in ["access.log", "cache.log"] {
                fs::rename(server.path().join(name), server.path().join(format!("{name}.1"))).unwrap();
            }
            got += server.get("/large", "cache1.steamcontent.com").1;
            let told = Command::new("kill").args(["-USR1", &server.child.id().to_string()]).status().unwrap();
            assert!(told.success());
            until("the new log", || server.path().join("cache.log").exists());
        }
        let path = if n % 5 == 4 { "/missing" } else { "/large" };
        got += server.get(path, "cache1.steamcontent.com").1;
        if n % 3 == 0 {
            combined.until(usize::from(n >= 10) + n + 1);
        }
    }
    combined.until(21);
    cachelog.until(21);
    assert_eq!((combined.bytes(), cachelog.bytes()), (got, got));
    for logged in [&combined, &cachelog] {
        let missing = logged.requests.iter().filter(|r| r.status == Some(StatusClass::ClientError));
        assert_eq!(missing.count(), 4);
        assert!(logged.requests.iter().all(|request| request.client == Client::Internal));
    }
    let hits = cachelog.requests.iter().filter(|request| request.cache == Some(CacheStatus::Hit));
    assert_eq!(hits.count(), 16);
    let host = Some("cache1.steamcontent.com");
    assert!(
        cachelog.requests.iter().all(|r| r.host.as_deref() == host && r.service.as_deref() == Some("steam"))
    );
}

#[test]
fn haproxy_before_nginx() {
    let nginx = Server::nginx();
    let haproxy = Server::haproxy(nginx.port);
    // The connection that waited for it to listen is no request, but may be logged as a bad one.
    let mut logged = Logged::new(haproxy.path().join("access.log"));
    let (mut whole, mut bodies) = (0, 0);
    for path in ["/large", "/missing", "/large"] {
        let (answer, body) = haproxy.get(path, "shop.example");
        whole += answer;
        bodies += body;
    }
    until("the log", || {
        logged.reader.poll(0, |request| {
            if request.host.is_some() {
                logged.requests.push(request.into_owned());
            }
        });
        logged.requests.len() >= 3
    });
    // HAProxy counts the header too, not quite in the form in which it sends it.
    assert!((bodies..=whole).contains(&logged.bytes()), "{bodies} {} {whole}", logged.bytes());
    for request in &logged.requests {
        assert_eq!((request.entry_point.as_deref(), request.service.as_deref()), (Some("web"), Some("shop")));
        assert_eq!(request.host.as_deref(), Some("shop.example"));
        assert!(request.duration_us.is_some() && request.client == Client::Internal);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let age = now.as_micros().cast_signed() - i128::from(logged.requests[0].start_us);
    assert!((0..60_000_000).contains(&age), "{age} µs old: HAProxy's clock is read in another zone");
}
