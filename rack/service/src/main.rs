//! The rack service: `rack::Book` over HTTP, with a memory.

fn main() {}
