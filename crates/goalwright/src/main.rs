//! `goalwright`: turns a written plan into finished, audited work.

use std::process::ExitCode;

/// Settling makes and drops many small values of JSON, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    goalwright::cli::main()
}
