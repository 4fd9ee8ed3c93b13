//! What the machine offers.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::engine::Info;
use crate::failure::Failure;

/// What a file system can still take of a user without special rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files that can still be made; `None` where the file system has no fixed number of them (btrfs, zfs over a network).
    pub inodes: Option<u64>,
}

/// What can still be written below a path.
///
/// # Errors
/// When the path is not there or its file system does not answer.
#[cfg(unix)]
pub fn room(path: &Path) -> Result<Room, Failure> {
    let answer = rustix::fs::statvfs(path)
        .map_err(|e| Failure::preflight(format!("cannot tell the free disk space of {}", path.display())).because(&e))?;
    Ok(Room { bytes: answer.f_bavail.saturating_mul(answer.f_frsize), inodes: (answer.f_files > 0).then_some(answer.f_favail) })
}

/// What can still be written below a path.
///
/// # Errors
/// Always on this system: there is no portable call for it.
#[cfg(not(unix))]
pub fn room(path: &Path) -> Result<Room, Failure> {
    Err(Failure::preflight(format!("cannot tell the free disk space of {} on this system", path.display())))
}

/// The folder of the engine's images and volumes, when it is a folder of this machine: the engine runs here, and not in a virtual machine
/// (Docker Desktop, Colima) or beyond a mounted socket. `None` means unknown, and its free space must not be guessed.
#[must_use]
pub fn engine_disk(info: &Info) -> Option<PathBuf> {
    engine_disk_on(info, &kernel_text("kernel/hostname")?).filter(|root| root.exists())
}

/// The pure part of [`engine_disk`].
fn engine_disk_on(info: &Info, hostname: &str) -> Option<PathBuf> {
    (is_on(info, hostname) && !info.data_root.is_empty()).then(|| PathBuf::from(&info.data_root))
}

/// Whether the engine runs on the kernel that we see: on this machine, and not in a virtual one.
#[must_use]
pub fn is_here(info: &Info) -> bool {
    // absent in a container that was given the engine's socket, or another name there
    kernel_text("kernel/hostname").is_some_and(|hostname| is_on(info, &hostname))
}

/// The pure part of [`is_here`].
fn is_on(info: &Info, hostname: &str) -> bool {
    info.local && info.name == hostname && !info.operating_system.contains("Docker Desktop")
}

/// A setting of the kernel by its path below `/proc/sys`; `None` on other systems than Linux.
fn kernel_text(name: &str) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    fs_err::read_to_string(Path::new("/proc/sys").join(name)).ok().map(|text| text.trim().to_owned())
}

/// A number that the kernel is set to: `fs/inotify/max_user_instances`. `None` where there is no such setting.
#[must_use]
pub fn kernel_number(name: &str) -> Option<u64> {
    kernel_text(name)?.parse().ok()
}

/// When a file was changed last.
#[must_use]
pub fn changed(path: &Path) -> Option<jiff::Timestamp> {
    jiff::Timestamp::try_from(fs_err::metadata(path).ok()?.modified().ok()?).ok()
}

/// The ports that the kernel lends to outgoing connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingPorts {
    /// From which to which.
    pub range: RangeInclusive<u16>,
    /// Those of them that it keeps back, as the setting has them: `8080,9148-9150`.
    reserved: String,
}

/// The ports that the kernel lends to outgoing connections; `None` where the system does not say.
#[must_use]
pub fn outgoing_ports() -> Option<OutgoingPorts> {
    let reserved = kernel_text("net/ipv4/ip_local_reserved_ports").unwrap_or_default();
    OutgoingPorts::read(&kernel_text("net/ipv4/ip_local_port_range")?, &reserved)
}

impl OutgoingPorts {
    /// Reads the kernel's two settings, `ip_local_port_range` and `ip_local_reserved_ports`.
    #[must_use]
    pub fn read(range: &str, reserved: &str) -> Option<Self> {
        let mut ends = range.split_whitespace().map(str::parse::<u16>);
        let range = ends.next()?.ok()?..=ends.next()?.ok()?;
        Some(Self { range, reserved: reserved.trim().to_owned() })
    }

    /// Whether an outgoing connection may get the port.
    #[must_use]
    pub fn may_lend(&self, port: u16) -> bool {
        self.range.contains(&port) && !self.reserved.split(',').any(|entry| holds(entry, port))
    }

    /// The setting that keeps back this port too.
    #[must_use]
    pub fn reserved_with(&self, port: u16) -> String {
        if self.reserved.is_empty() { port.to_string() } else { format!("{},{port}", self.reserved) }
    }
}

/// Whether `8080` or `9148-9150` holds a port.
fn holds(entry: &str, port: u16) -> bool {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    match entry.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&port)),
        None => number(entry) == Some(port),
    }
}

/// The name of this machine, as the system has it; empty where it does not say.
#[must_use]
pub fn name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    String::new()
}

/// Whether whoever started this process has asked that a closing terminal does not end it, as `nohup` does. Only Linux says so.
#[must_use]
pub fn passes_over_hangup() -> bool {
    fs_err::read_to_string("/proc/self/status").is_ok_and(|status| passes_over(&status, 1))
}

/// Whether a process with that `/proc/<pid>/status` passes over a signal (`SigIgn`, bit by number).
fn passes_over(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// The bytes of memory that programs can still get without swapping, or `None` where the system does not say (only Linux does).
#[must_use]
pub fn memory_available() -> Option<u64> {
    // on other systems the engine has a virtual machine with memory of its own, told by its info
    available_of(&fs_err::read_to_string("/proc/meminfo").ok()?)
}

/// `MemAvailable` of a `/proc/meminfo` (`proc_meminfo(5)`: in units of 1024 bytes, whatever the text says).
fn available_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A number of bytes for people, in powers of 1024, with three digits at most: `512 B`, `1.5 GiB`, `23.5 GiB`, `119 GiB`.
#[must_use]
pub fn quantity(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // tenths of a unit, in whole numbers, rounded down: free space is never shown greater than it is
    let (mut unit, mut size) = (0, 1024_u64);
    while unit + 1 < UNITS.len() && bytes / size >= 1024 {
        size *= 1024;
        unit += 1;
    }
    let (whole, tenths) = (bytes / size, (bytes % size) / (size / 10).max(1));
    let tenths = tenths.min(9);
    if whole >= 100 || tenths == 0 { format!("{whole} {}", UNITS[unit]) } else { format!("{whole}.{tenths} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info() -> Info {
        Info {
            local: true,
            name: "laptop".into(),
            operating_system: "Debian GNU/Linux 12".into(),
            data_root: "/var/lib/docker".into(),
            ..Info::default()
        }
    }

    #[test]
    fn a_signal_that_is_passed_over_is_known_by_its_bit() {
        let status = "Name:\ttstack\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(passes_over(status, 1) && passes_over(status, 13));
        assert!(!passes_over(status, 2) && !passes_over("", 1));
    }

    #[test]
    fn quantities_are_short_and_never_too_great() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (25_275_000_000, "23.5 GiB"),
            (119 << 30, "119 GiB"),
            (u64::MAX, "16383 PiB"),
        ] {
            assert_eq!(quantity(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn a_quantity_has_a_number_and_a_unit(bytes: u64) {
            let text = quantity(bytes);
            let (number, unit) = text.split_once(' ').unwrap();
            prop_assert!(number.parse::<f64>().is_ok() && unit.ends_with('B'), "{text}");
        }
    }

    #[test]
    fn available_memory_is_read_from_meminfo() {
        let text = "MemTotal:       24681268 kB\nMemFree:        1 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available_of(text), Some(2048 * 1024));
        assert_eq!(available_of("MemTotal: 1 kB\n"), None);
        assert_eq!(available_of("MemAvailable: x kB\n"), None);
    }

    #[test]
    fn the_disk_of_an_engine_elsewhere_is_unknown() {
        assert_eq!(engine_disk_on(&info(), "laptop"), Some("/var/lib/docker".into()));
        assert_eq!(engine_disk_on(&info(), "a-container"), None);
        assert_eq!(engine_disk_on(&Info { local: false, ..info() }, "laptop"), None);
        assert_eq!(engine_disk_on(&Info { operating_system: "Docker Desktop".into(), ..info() }, "laptop"), None);
    }

    #[cfg(unix)]
    #[test]
    fn room_names_the_path_that_is_not_there() {
        assert!(room(Path::new("/")).unwrap().bytes > 0);
        let failure = room(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(failure.what, "cannot tell the free disk space of /nonexistent");
        assert!(failure.why[0].contains("No such file"), "{failure:?}");
    }

    #[test]
    fn reserved_ports_are_not_lent_out() {
        let ports = OutgoingPorts::read("32768\t60999", "8080,40000,50000-50002").unwrap();
        let lent: Vec<u16> = [8080, 32_767, 32_768, 40_000, 49_999, 50_000, 50_002, 50_003, 60_999, 61_000]
            .into_iter()
            .filter(|port| ports.may_lend(*port))
            .collect();
        assert_eq!(lent, [32_768, 49_999, 50_003, 60_999]);
        assert_eq!(OutgoingPorts::read("32768 60999", "").unwrap().reserved_with(1), "1");
        assert_eq!(OutgoingPorts::read("", ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_is_asked_for_its_settings() {
        assert!(kernel_number("fs/file-max").is_some());
        assert_eq!(kernel_number("fs/no-such-setting"), None);
        assert!(outgoing_ports().is_some());
        assert!(changed(Path::new("/proc/self/exe")).is_some());
    }
}
