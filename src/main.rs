//! The program `fridge`: see [`fridge::cli`].

fn main() -> std::process::ExitCode {
    fridge::cli::main()
}
