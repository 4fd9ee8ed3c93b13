//! What the engine is and has.

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::error::failure;
use crate::failure::{Failure, FailureKind};
use crate::world::clock;

/// The engine, as preflight and `doctor` need it. Texts are empty and numbers 0 where the engine does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Its version: `20.10.24`.
    pub version: String,
    /// The version of the API that we agreed on: `1.41`.
    pub api_version: String,
    /// Whether it is Podman, which kind drives in another way.
    pub podman: bool,
    /// Processors that containers can use.
    pub cpus: u32,
    /// Memory that containers can use, in bytes.
    pub memory: u64,
    /// The folder of its images and volumes, on the machine where it runs.
    pub data_root: String,
    /// The version of control groups, 1 or 2; 0 for unknown.
    pub cgroup_version: u8,
    /// The system that it runs on: `Debian GNU/Linux 12 (bookworm)`, `Docker Desktop`.
    pub operating_system: String,
    /// The architecture as image names have it: `amd64`, `arm64`.
    pub architecture: String,
    /// Whether images are in containerd's store, where an image's id is the digest of its manifest and not of its config.
    pub containerd_store: bool,
    /// The name of the machine that it runs on.
    pub name: String,
    /// Whether it is reached without a network.
    pub local: bool,
    /// How far its clock is ahead of ours, less than nothing where it is behind; 0 where they agree as far as one can ask. `None` where it does
    /// not say.
    pub ahead: Option<SignedDuration>,
    /// What it warns of itself (`WARNING: No swap limit support`).
    pub warnings: Vec<String>,
}

impl Engine {
    /// What the engine is and has.
    ///
    /// # Errors
    /// A preflight failure when it does not answer.
    pub async fn info(&self) -> Result<Info, Failure> {
        let fail = |e| Failure { kind: FailureKind::Preflight, ..failure("the container engine does not describe itself", &e) };
        let asked = clock::now();
        let info = self.docker.info().await.map_err(fail)?;
        let answered = clock::now();
        let version = self.docker.version().await.map_err(fail)?;
        let driver = info.driver_status.unwrap_or_default();
        let components = version.components.unwrap_or_default();
        Ok(Info {
            version: version.version.unwrap_or_default(),
            api_version: self.docker.client_version().to_string(),
            podman: components.iter().any(|component| component.name.starts_with("Podman")),
            cpus: info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            memory: info.mem_total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            data_root: info.docker_root_dir.unwrap_or_default(),
            cgroup_version: info.cgroup_version.and_then(|v| v.to_string().parse().ok()).unwrap_or(0),
            operating_system: info.operating_system.unwrap_or_default(),
            architecture: image_architecture(&info.architecture.unwrap_or_default()).to_owned(),
            containerd_store: driver.iter().any(|pair| pair.iter().any(|word| word.starts_with("io.containerd.snapshotter"))),
            name: info.name.unwrap_or_default(),
            local: self.address.starts_with("unix://") || self.address.starts_with("npipe://"),
            ahead: info.system_time.as_deref().and_then(|time| time.parse().ok()).map(|time| ahead(time, asked, answered)),
            warnings: info.warnings.unwrap_or_default(),
        })
    }
}

/// How far a clock is ahead that showed `time` at some moment between two of ours.
fn ahead(time: Timestamp, asked: Timestamp, answered: Timestamp) -> SignedDuration {
    time.duration_since(time.clamp(asked, answered.max(asked)))
}

/// The engine tells the kernel's word for the processor; images have Go's.
fn image_architecture(kernel: &str) -> &str {
    match kernel {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;

    #[tokio::test]
    async fn the_engine_describes_itself() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/info" => Scripted::json(
                200,
                r#"{"NCPU":8,"MemTotal":16000000000,"DockerRootDir":"/var/lib/docker","CgroupVersion":"2","Architecture":"aarch64",
                    "OperatingSystem":"Docker Desktop","Name":"laptop","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#,
            ),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41","Version":"20.10.24","Components":[{"Name":"Engine","Version":"1"}]}"#),
        });
        let info = Engine::connect(Some(&fake.address), &[]).await.unwrap().info().await.unwrap();
        assert_eq!((info.cpus, info.memory, info.cgroup_version), (8, 16_000_000_000, 2));
        assert_eq!((info.version.as_str(), info.api_version.as_str()), ("20.10.24", "1.41"));
        assert_eq!((info.architecture.as_str(), info.operating_system.as_str()), ("arm64", "Docker Desktop"));
        assert!(info.containerd_store && info.local && !info.podman);
    }

    #[tokio::test]
    async fn the_engines_clock_is_held_against_ours() {
        let fake = Scripted::start(|request| match request {
            "GET /v1.41/info" => Scripted::json(200, r#"{"SystemTime":"2020-01-02T03:04:05.678901234Z"}"#),
            _ => Scripted::json(200, r#"{"ApiVersion":"1.41"}"#),
        });
        let info = Engine::connect(Some(&fake.address), &[]).await.unwrap().info().await.unwrap();
        assert!(info.ahead.unwrap() < SignedDuration::from_hours(-24 * 365), "{info:?}");
    }

    #[test]
    fn a_moment_between_question_and_answer_is_no_difference() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(ahead(at(15), at(10), at(20)), SignedDuration::ZERO);
        assert_eq!(ahead(at(25), at(10), at(20)), SignedDuration::from_secs(5));
        assert_eq!(ahead(at(3), at(10), at(20)), SignedDuration::from_secs(-7));
        // our own clock was set back meanwhile
        assert_eq!(ahead(at(10), at(10), at(5)), SignedDuration::ZERO);
    }

    #[tokio::test]
    async fn an_engine_that_breaks_off_is_an_error_with_a_remedy() {
        let fake =
            Scripted::start(
                |request| if request.ends_with("/info") { String::new() } else { Scripted::json(200, r#"{"ApiVersion":"1.41"}"#) },
            );
        let failure = Engine::connect(Some(&fake.address), &[]).await.unwrap().info().await.unwrap_err();
        assert_eq!(failure.what, "the container engine does not describe itself");
        assert!(failure.hints[0].contains("docker version"), "{failure:?}");
    }
}
