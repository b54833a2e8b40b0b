/// Random numbers that can be had again: the same for the same seed, which is printed.
pub struct Draw {
    state: u64,
    seed: u64,
}

impl Draw {
    /// By the seed in this environment variable; any without.
    pub fn of_variable(name: &str) -> Self {
        let given = std::env::var(name).ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |now| now.as_nanos() as u64)
        });
        eprintln!("{name}={seed}");
        Self { state: seed | 1, seed }
    }

    /// The seed that repeats these numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next one below this bound (xorshift64*).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound
    }
}
