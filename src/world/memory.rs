//! How much memory processes have.

/// The bytes of memory of a process and all that it started. Pages that several processes share count once where Linux tells
/// (the proportional set size), else in full. `None` where the system does not say.
#[must_use]
pub fn of_process(pid: u32) -> Option<u64> {
    let own = of_one(pid)?;
    Some(own + children(pid).into_iter().filter_map(of_process).sum::<u64>())
}

/// The bytes of memory of this process alone; 0 where the system does not say.
#[must_use]
pub fn of_this() -> u64 {
    of_one(std::process::id()).unwrap_or(0)
}

fn of_one(pid: u32) -> Option<u64> {
    let text = |name: &str| fs_err::read_to_string(format!("/proc/{pid}/{name}")).ok();
    text("smaps_rollup").and_then(|t| kibibytes(&t, "Pss:")).or_else(|| kibibytes(&text("status")?, "VmRSS:"))
}

/// The number after a word at the beginning of a line, in bytes.
fn kibibytes(text: &str, word: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    let number: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs_err::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs_err::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        assert_eq!(kibibytes("Rss:  10 kB\nPss:                1024 kB\nPss_Dirty: 5 kB\n", "Pss:"), Some(1024 * 1024));
        assert_eq!(kibibytes("", "Pss:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_some() {
        assert!(of_process(std::process::id()).unwrap() > 0);
        assert_eq!(of_process(u32::MAX), None);
    }
}
