//! The `task-api` program: flags, configuration, one single-threaded runtime.

use std::process::ExitCode;

use task_api::{config::Config, server};

const HELP: &str = "\
task-api: tasks in memory over HTTP

Usage: task-api [--help | --version]

Environment:
  HOST           IP address to listen on [0.0.0.0, every IPv4 address]
  PORT           port to listen on; 0 picks one [8000]
  SERVICE_NAME   the `service` label of the metrics [task-api]
  API_VERSION    the version this deployment answers as [v1]
  DRAIN_SECONDS  how long requests may finish after SIGTERM, 0 to 3600 [10]

Exit codes: 0 drained or drain time over, 1 could not serve, 2 bad usage or configuration.
";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        None => serve(),
        Some(flag) if flag == "--help" || flag == "-h" => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some(flag) if flag == "--version" || flag == "-V" => {
            println!("task-api {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!("task-api: unexpected argument `{}`; see task-api --help", other.display());
            ExitCode::from(2)
        }
    }
}

fn serve() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                eprintln!("task-api: {error}");
            }
            return ExitCode::from(2);
        }
    };
    // One thread: the work is small, pods are what this service is scaled by.
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(server::run(config)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("task-api: {error}");
            ExitCode::FAILURE
        }
    }
}
