//! A line per measurement: ours, what stands beside it, and the ratio.

use super::measure::Cost;

/// Prints the head of the table.
pub(crate) fn head() {
    println!(
        "{:<28}{:>10}{:>10}{:>10}   {:<36}{:>10}{:>8}",
        "", "time", "cpu", "memory", "beside", "time", "ratio"
    );
}

/// Prints a measurement that has nothing beside it.
pub(crate) fn alone(name: &str, cost: Cost) {
    println!("{}", ours(name, cost));
}

/// Prints a measurement and what stands beside it.
pub(crate) fn ratio(name: &str, cost: Cost, beside: &str, other: Cost) {
    println!(
        "{}   {beside:<36}{:>8.2} s{:>8.2}",
        ours(name, cost),
        other.time.as_secs_f64(),
        cost.time.as_secs_f64() / other.time.as_secs_f64()
    );
}

/// Prints a fact.
pub(crate) fn fact(name: &str, fact: &str) {
    println!("{name:<28}{fact}");
}

fn ours(name: &str, cost: Cost) -> String {
    format!(
        "{name:<28}{:>8.3} s{:>8.2} s{:>7} MB",
        cost.time.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        cost.memory / 1_000_000
    )
}
