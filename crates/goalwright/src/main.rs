//! `goalwright`: turns a written plan into finished, audited work.

use std::process::ExitCode;

fn main() -> ExitCode {
    goalwright::cli::main()
}
