//! What the tests need besides Rust: taken from Debian's packages.

use std::path::Path;
use std::process::Command;

use crate::run::{Result, run};

/// A Debian package and how to see that it is there.
struct Package {
    name: &'static str,
    present: fn() -> bool,
}

const NEEDED: [Package; 9] = [
    // Exporters and a collector whose flows the decoders must agree with.
    Package { name: "nfdump", present: || on_path("nfcapd") && on_path("nfdump") },
    Package { name: "pmacct", present: || on_path("pmacctd") },
    // Servers whose logs the readers must agree with. Their programs are not on everybody's path.
    Package { name: "haproxy", present: || on_path("haproxy") || Path::new("/usr/sbin/haproxy").exists() },
    Package { name: "nginx", present: || on_path("nginx") || Path::new("/usr/sbin/nginx").exists() },
    Package { name: "softflowd", present: || on_path("softflowd") },
    // Writes the round robin databases that are imported.
    Package { name: "rrdtool", present: || on_path("rrdtool") },
    Package {
        name: "postgresql",
        present: || Path::new("/usr/lib/postgresql/15/bin/initdb").exists() || on_path("initdb"),
    },
    Package { name: "python3", present: || on_path("python3") },
    Package { name: "python3-venv", present: || succeeds("python3", &["-c", "import venv, ensurepip"]) },
];

/// Installs what is missing, as root; otherwise names it in one line and fails.
pub(crate) fn ensure() -> Result {
    let missing: Vec<&str> = NEEDED.iter().filter(|p| !(p.present)()).map(|p| p.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install --yes {}", missing.join(" "));
    if !succeeds("sh", &["-c", "test $(id -u) = 0"]) {
        return Err(format!("missing Debian packages: run `sudo {install}`"));
    }
    // Debian's package would start a cluster of its own, which nothing here uses.
    let quiet = "mkdir -p /etc/postgresql-common && \
        { test -e /etc/postgresql-common/createcluster.conf || \
          echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; }";
    let script = format!("{quiet} && apt-get update --quiet && {install}");
    run(Command::new("sh").args(["-c", &script]).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(program).exists())
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|out| out.status.success())
}
