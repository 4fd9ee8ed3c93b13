//! Every verb and flag. The doc comments are the help texts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::plan::Exposing;
use crate::report::{ColorChoice, Output};

/// A real platform on your own machine, ready when a real request passed.
///
/// tstack makes a local Kubernetes cluster, installs what a stack file names in dependency order, waits until real
/// requests pass, and serves the stack on localhost. `tstack down` leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "tstack", version, max_term_width = 110, after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

const AFTER: &str = "\
Examples:
  tstack up                      the Task API stack, on a kind cluster of its own
  tstack verify --deep           its checks again, with load until it scales
  tstack down                    everything that `up` made goes

Exit codes:
  0 done   1 defect of tstack   2 usage or invalid file   3 preflight failed, nothing was changed
  4 a step failed, `up` again resumes   5 a check failed   6 changes pending
  7 another tstack holds this cluster   130 cancelled";

/// The whole command line, for completions and the man page.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

/// Flags of every verb.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Options of every verb")]
pub(super) struct Global {
    /// The name of the cluster, to have several side by side. Default: the stack's name
    #[arg(long, global = true, value_name = "NAME")]
    pub name: Option<String>,
    /// How to show things
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW")]
    pub output: Output,
    /// When to use colours; `NO_COLOR` is respected
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Set a value of the stack file, such as parameters.httpPort=8081 or cluster.image=…
    #[arg(long, global = true, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Choose a profile of the stack file; may be given several times
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Vec<String>,
    /// Fetch from a mirror: docker.io=https://mirror.example.com, or *=… for every registry
    #[arg(long, global = true, value_name = "HOST=ADDRESS")]
    pub mirror: Vec<String>,
    /// The configuration file [default: `TSTACK_CONFIG`, or ~/.config/tstack/config.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Bring a stack up, and wait until real requests pass
    #[command(
        after_help = "Examples:\n  tstack up\n  tstack up ./my-stack --name demo\n  tstack up ./my-stack --watch    every saved file is applied at once\n  tstack up --set parameters.httpPort=9080\n  tstack up --name second --port auto   beside the first one, on free ports\n  tstack up --provider host   no container engine needed\n  tstack up --context docker-desktop"
    )]
    Up(UpArgs),
    /// Show what `up` would do, and why, without doing it
    #[command(after_help = "Examples:\n  tstack plan\n  tstack plan --exit-code   exits with 6 when something is to do")]
    Plan(PlanArgs),
    /// Run the stack's checks again
    #[command(after_help = "Examples:\n  tstack verify\n  tstack verify --deep --junit checks.xml")]
    Verify(Verify),
    /// Show how a stack is; the exit code tells its health (0 healthy, 4 degraded, 6 absent, 3 unknown)
    #[command(after_help = "Examples:\n  tstack status\n  tstack status --output json")]
    Status(StatusArgs),
    /// Remove what `up` made: the whole cluster, or the stack alone
    #[command(after_help = "Examples:\n  tstack down\n  tstack down --keep-cluster")]
    Down(Down),
    /// Show what the programs of a stack write, across its components
    #[command(
        after_help = "Examples:\n  tstack logs                        the last lines of every container, in the order of their times\n  tstack logs gateway task-api -f    as they come\n  tstack logs keda --since 10m --grep 'error|warn'\n  tstack logs --output json | jq -r .data.text"
    )]
    Logs(Logs),
    /// Show the local CA and its certificates, or have this system trust the CA
    Certs {
        #[command(subcommand)]
        what: Certs,
    },
    /// Show where the time of a run went, its critical path, and what would help
    #[command(
        after_help = "Examples:\n  tstack timings                      the last `up`\n  tstack timings --list\n  tstack timings 2 --html run.html    the last run but one, as a page too\n  tstack timings --compare 2 1\n  tstack up --output json > run.jsonl; tstack timings --file run.jsonl"
    )]
    Timings(TimingsArgs),
    /// Let the cluster rest, and keep everything in it
    #[command(
        after_help = "Examples:\n  tstack pause                    frozen as it is; goes on within a second, and keeps its memory\n  tstack pause --release-memory   stopped; goes on within a minute"
    )]
    Pause(Pause),
    /// Let a paused or stopped cluster go on
    #[command(after_help = "Examples:\n  tstack resume\n  tstack resume --name demo")]
    Resume,
    /// Keep work for later: a node image with all images, a finished stack
    Snapshot {
        #[command(subcommand)]
        what: Snapshot,
    },
    /// Find what is wrong in Kubernetes files, before anything runs
    #[command(
        after_help = "Examples:\n  tstack lint k8s/\n  tstack lint gateway.yaml routes.yaml --deny warning\n  helm template ./chart | tstack lint -\n  tstack lint docs/guide.md --rule TS304=off\n\nExit codes: 0 no error   5 an error was found   2 something cannot be read"
    )]
    Lint(Lint),
    /// Explain a rule of the linter, with a bad and a good case; without a rule, list them all
    #[command(after_help = "Examples:\n  tstack explain TS210\n  tstack explain weights-add-to-zero")]
    Explain {
        /// The number or the name of a rule
        #[arg(value_name = "RULE")]
        rule: Option<String>,
    },
    /// Write what a service needs as commented, checked Kubernetes objects
    #[command(
        after_help = "Examples:\n  tstack generate --list\n  tstack generate production-stack --set parameters.userLimit=50\n  tstack generate service.yaml -o manifests\n  tstack generate protected-route --stack -o demo && tstack up ./demo\n  tstack generate --ask -o service.yaml"
    )]
    Generate(Generate),
    /// List the stacks that are built in
    Stacks,
    /// Print the JSON Schema of a file that people write, for editors
    Schema {
        /// Of stack files, or of specifications for `generate`
        #[arg(value_enum, default_value_t)]
        of: SchemaOf,
    },
    /// Print completions for a shell
    #[command(after_help = "Example:\n  tstack completions bash > ~/.local/share/bash-completion/completions/tstack")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Serve the localhost path of a cluster; started by `up`
    #[command(hide = true)]
    Forwarder {
        /// The state folder of the cluster
        #[arg(long)]
        state: PathBuf,
    },
    /// Hold the processes of a stack that runs without a cluster; started by `up`
    #[command(hide = true)]
    Supervisor {
        /// The state folder of the stack
        #[arg(long)]
        state: PathBuf,
    },
    /// Become a program that ends with its parent; started by the supervisor
    #[command(hide = true)]
    Child {
        /// The process id of the parent
        #[arg(long)]
        parent: u32,
        /// Bring up the loopback interface of the network namespace first
        #[arg(long)]
        loopback: bool,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        line: Vec<OsString>,
    },
    /// Stand in for Envoy where Envoy Gateway starts it; started by Envoy Gateway
    #[command(hide = true)]
    Proxy {
        /// The state folder of the stack
        #[arg(long)]
        state: PathBuf,
        /// Envoy's arguments
        #[arg(last = true)]
        line: Vec<String>,
    },
}

/// Which stack, on which cluster.
#[derive(Clone, Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line, each of its own")]
pub(super) struct Up {
    /// A stack that is built in, or the path of a stack file or folder
    #[arg(default_value = "task-api", value_name = "STACK")]
    pub stack: String,
    /// Use this context's cluster instead of making one; it is never deleted
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig that holds the context [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "context")]
    pub kubeconfig: Option<PathBuf>,
    /// Use the context also where its server does not look like one of this machine
    #[arg(long, requires = "context")]
    pub allow_remote: bool,
    /// What to run on: a kind cluster, processes on this machine without any cluster, or whichever this machine can
    #[arg(long, value_enum, default_value_t, value_name = "PROVIDER", conflicts_with = "context")]
    pub provider: Provider,
    /// How services get onto localhost: by port mapping where the cluster has one, or always by our forwarder
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub expose: Expose,
    /// Which ports of this machine: those that the stack or an earlier `auto` says; or free ones where those are taken, chosen once and
    /// kept until `down`; or the stack's own again
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub port: Ports,
    /// Do not run the checks at the end
    #[arg(long)]
    pub no_verify: bool,
    /// Make the cluster anew, though a snapshot or a baked node image fits
    #[arg(long)]
    pub no_snapshot: bool,
    /// Put the cluster into your kubeconfig too, as a context of its own; `down` takes it out again [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "context")]
    pub export_kubeconfig: Option<OsString>,
    /// Make a new local CA and all certificates with it; whoever trusts the old one has to trust the new one
    #[arg(long)]
    pub new_ca: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct UpArgs {
    #[command(flatten)]
    pub up: Up,
    /// Stay, and apply the stack's files again whenever one of them changes
    #[arg(long)]
    pub watch: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub up: Up,
    /// Exit with 6 when there is something to do
    #[arg(long)]
    pub exit_code: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Verify {
    /// Run the checks that take long or put load on the stack too
    #[arg(long)]
    pub deep: bool,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct StatusArgs {}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Logs {
    /// Components of the stack [default: all]
    #[arg(value_name = "COMPONENT")]
    pub components: Vec<String>,
    /// Go on with what is written from now on, also by pods that start later
    #[arg(short, long)]
    pub follow: bool,
    /// Only lines not older than that: 90s, 10m, 2h
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// At most so many of the last lines of each container [default: 20, or all with --since or --grep]
    #[arg(long, value_name = "N")]
    pub last: Option<u32>,
    /// Only lines in which this regular expression is found
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct TimingsArgs {
    /// Which run, counted from the last: 1 is the last [default: the last `up`]
    #[arg(value_name = "RUN", value_parser = from_one)]
    pub run: Option<usize>,
    /// List all runs, a line each
    #[arg(long, conflicts_with = "run")]
    pub list: bool,
    /// Compare two, each the number of a run or a file (then its last `up`)
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["run", "list"])]
    pub compare: Vec<String>,
    /// Read a journal, or the saved output of `up --output json`, in place of the cluster's journal
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write a page with a Gantt chart too; it needs nothing but itself
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "compare"])]
    pub html: Option<PathBuf>,
}

/// The number of a run.
fn from_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("it is 1 for the last run, 2 for the one before, and so on".into()),
    }
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Down {
    /// Remove the stack, keep the cluster
    #[arg(long)]
    pub keep_cluster: bool,
    /// Remove only what lies on this machine for it (record, keys, forwarder), for a cluster that is gone or out of reach
    #[arg(long, conflicts_with = "keep_cluster")]
    pub forget: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Certs {
    /// Show the local CA, what it may sign for and who trusts it, and the certificates that it signs
    #[command(after_help = "Examples:\n  tstack certs show\n  tstack certs show --output json")]
    Show,
    /// Put the local CA into this system's trust store, so that curl and others need no --cacert; `down` takes it back
    #[command(
        after_help = "Without the rights for it, the commands are told that do it.\n\nExample:\n  tstack certs trust && curl https://localhost:8443/api/tasks"
    )]
    Trust,
    /// Take the local CA out of this system's trust store
    Untrust,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Snapshot {
    /// Make a node image that holds all images of a stack; `up` uses it by itself
    #[command(after_help = "Examples:\n  tstack snapshot bake\n  tstack snapshot bake ./my-stack --output json   tells the image's name")]
    Bake {
        /// A stack that is built in, or the path of a stack file or folder
        #[arg(default_value = "task-api", value_name = "STACK")]
        stack: String,
    },
    /// Save a stack that is up and verified; `up` uses it by itself. It holds the keys of the cluster
    #[command(after_help = "Examples:\n  tstack up && tstack snapshot save\n  tstack down && tstack up   restores it")]
    Save,
    /// List snapshots and baked node images
    #[command(after_help = "Examples:\n  tstack snapshot list\n  tstack snapshot list --output json")]
    List,
    /// Bring a stack up from its snapshot, or say why that cannot be
    #[command(after_help = "Examples:\n  tstack snapshot restore\n  tstack snapshot restore --set parameters.httpPort=9080")]
    Restore(Box<Up>),
    /// Remove snapshots and baked node images
    #[command(after_help = "Examples:\n  tstack snapshot rm 1f0c2f8a9b3d4e5f60718293\n  tstack snapshot rm --all")]
    Rm {
        /// Their names, or what follows the colon
        #[arg(value_name = "NAME", required_unless_present = "all")]
        names: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Pause {
    /// Stop the node instead of freezing it, so that its memory is given back
    #[arg(long)]
    pub release_memory: bool,
}

#[derive(Clone, Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Lint {
    /// Files of YAML, JSON or Markdown, folders, folders of stacks; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Change a rule, by number or name: TS304=off, note, warning or error
    #[arg(long, value_name = "RULE=LEVEL")]
    pub rule: Vec<String>,
    /// From which severity on the exit code is 5
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
    pub deny: Level,
    /// The objects are meant for real users: more is an error
    #[arg(long)]
    pub production: bool,
    /// The files are all there is: what they name and do not hold is missing
    #[arg(long)]
    pub complete: bool,
    /// Look at the blocks of Markdown files in folders too
    #[arg(long)]
    pub markdown: bool,
    /// A kind that tstack does not know is an error, since its fields were not checked
    #[arg(long)]
    pub strict: bool,
    /// Repair what is safe to repair, in the files; comments and layout stay
    #[arg(long)]
    pub fix: bool,
    /// Show what --fix would change, and change nothing
    #[arg(long, alias = "dry-run")]
    pub diff: bool,
    /// How to write the findings [default: human, or json with --output json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, with the line and a caret.
    Human,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Level {
    /// It is refused, or does not do what it says.
    #[default]
    Error,
    /// It works, but not as most people want it.
    Warning,
    /// Good to know.
    Note,
}

#[derive(Clone, Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line, each of its own")]
pub(super) struct Generate {
    /// A template's name, the path of a specification, or - for standard input
    #[arg(required_unless_present_any = ["list", "ask"], value_name = "SPEC")]
    pub spec: Option<String>,
    /// A folder for a file of each concern, or - for one stream [default: -]; with --ask the file for the specification
    #[arg(short = 'o', long = "into", value_name = "DIR|-")]
    pub into: Option<PathBuf>,
    /// Replace files that tstack did not write, or that were changed since
    #[arg(long, requires = "into")]
    pub force: bool,
    /// Show the decisions behind what is generated, each with the field that led to it
    #[arg(long, conflicts_with_all = ["list", "ask"])]
    pub explain: bool,
    /// Write a whole stack folder for one machine, with checks that follow from the specification
    #[arg(long, requires = "into", conflicts_with_all = ["list", "ask"])]
    pub stack: bool,
    /// Prove what is generated: by schemas and the linter, by a dry run on a running stack's API server, or applied there for a moment
    #[arg(long, value_enum, value_name = "DEPTH", conflicts_with_all = ["list", "ask", "explain"])]
    pub check: Option<Depth>,
    /// List the templates
    #[arg(long, conflicts_with = "spec")]
    pub list: bool,
    /// Ask questions and write the specification that the answers make
    #[arg(long, conflicts_with_all = ["spec", "list"])]
    pub ask: bool,
}

/// How deep generated objects are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Depth {
    /// Against the schemas of the pinned versions, their CEL rules included, and with the linter; no cluster is needed.
    Schema,
    /// By the API server of a running stack, in a dry run.
    Server,
    /// Applied in a throw-away namespace of a running stack, awaited, and asked with real requests.
    Live,
}

/// A kind of file that people write.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum SchemaOf {
    /// Stack files.
    #[default]
    Stack,
    /// Specifications.
    Service,
}

/// What a stack runs on.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Provider {
    /// What it runs on already; else a kind cluster where an engine and images are to be had, and processes where not.
    #[default]
    Auto,
    /// A kind cluster.
    Kind,
    /// Processes on this machine, without container engine, cluster and registry.
    Host,
}

/// How services get onto localhost.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Expose {
    /// By a port mapping of the cluster where there is one, else by the forwarder.
    #[default]
    Auto,
    /// By the forwarder.
    Forward,
}

/// Which ports of this machine a stack takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Ports {
    /// Those that were chosen before, and the stack's own.
    #[default]
    Kept,
    /// Free ones in the place of those that are taken.
    Auto,
    /// The stack's own, whatever was chosen before.
    Stack,
}

impl From<Expose> for Exposing {
    fn from(how: Expose) -> Self {
        match how {
            Expose::Auto => Self::Auto,
            Expose::Forward => Self::Forward,
        }
    }
}
