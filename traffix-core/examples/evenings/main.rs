//! Explains a thousand simulated evenings and prints how often the explanation was right.
//!
//! `cargo run --release -p traffix-core --example evenings -- [EVENINGS] [SEED]`

mod simulation;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let evenings = numbers.next().unwrap_or(simulation::EVENINGS);
    let seed = numbers.next().unwrap_or(simulation::SEED);
    for setting in simulation::SETTINGS {
        if std::env::var("SHORT").is_ok() {
            println!("{}", simulation::short(&simulation::run(setting, evenings, seed)));
            continue;
        }
        println!("{}", simulation::report(&simulation::run(setting, evenings, seed), setting));
    }
}
