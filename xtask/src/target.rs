use std::fmt;
use std::str::FromStr;

/// A system that binaries are released for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `x86_64-unknown-linux-musl`
    LinuxX64,
    /// `aarch64-unknown-linux-musl`
    LinuxArm64,
    /// `x86_64-pc-windows-gnu`
    WindowsX64,
    /// `aarch64-apple-darwin`
    MacArm64,
    /// `x86_64-apple-darwin`
    MacX64,
}

/// The C compiler and linker for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linker {
    /// `zig`, by `cargo-zigbuild`.
    Zig,
    /// `x86_64-w64-mingw32-gcc`.
    Mingw,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LinuxX64, Self::LinuxArm64, Self::WindowsX64, Self::MacArm64, Self::MacX64];

    /// The one whose programs run on this machine, if there is one.
    pub fn of_this_machine() -> Option<Self> {
        use std::env::consts::{ARCH, OS};
        Self::ALL.into_iter().find(|target| target.architecture() == ARCH && target.system() == OS)
    }

    /// As the compiler calls it.
    pub fn triple(self) -> &'static str {
        match self {
            Self::LinuxX64 => "x86_64-unknown-linux-musl",
            Self::LinuxArm64 => "aarch64-unknown-linux-musl",
            Self::WindowsX64 => "x86_64-pc-windows-gnu",
            Self::MacArm64 => "aarch64-apple-darwin",
            Self::MacX64 => "x86_64-apple-darwin",
        }
    }

    /// As `std` calls its processor.
    pub(crate) fn architecture(self) -> &'static str {
        match self {
            Self::LinuxX64 | Self::WindowsX64 | Self::MacX64 => "x86_64",
            Self::LinuxArm64 | Self::MacArm64 => "aarch64",
        }
    }

    /// As `std` calls its system.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Self::LinuxX64 | Self::LinuxArm64 => "linux",
            Self::WindowsX64 => "windows",
            Self::MacArm64 | Self::MacX64 => "macos",
        }
    }

    /// The binary's file name.
    pub fn program(self) -> &'static str {
        match self {
            Self::WindowsX64 => "oneworker.exe",
            _ => "oneworker",
        }
    }

    pub(crate) fn linker(self) -> Linker {
        match self {
            Self::WindowsX64 => Linker::Mingw,
            _ => Linker::Zig,
        }
    }

    /// As Node calls it: `process.platform` and `process.arch`. <https://nodejs.org/api/process.html#processplatform>
    pub fn node(self) -> (&'static str, &'static str) {
        let system = match self {
            Self::LinuxX64 | Self::LinuxArm64 => "linux",
            Self::WindowsX64 => "win32",
            Self::MacArm64 | Self::MacX64 => "darwin",
        };
        let processor = match self.architecture() {
            "aarch64" => "arm64",
            _ => "x64",
        };
        (system, processor)
    }

    /// As wheels call it, sorted: a static program needs no C library, so it is both for glibc (of 2014, the oldest that has installers which
    /// know the tag) and for musl. macOS from the oldest version that the compiler supports.
    /// <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>
    pub(crate) fn wheel_tags(self) -> &'static [&'static str] {
        match self {
            Self::LinuxX64 => &["manylinux2014_x86_64", "manylinux_2_17_x86_64", "musllinux_1_1_x86_64"],
            Self::LinuxArm64 => &["manylinux2014_aarch64", "manylinux_2_17_aarch64", "musllinux_1_1_aarch64"],
            Self::WindowsX64 => &["win_amd64"],
            Self::MacArm64 => &["macosx_11_0_arm64"],
            Self::MacX64 => &["macosx_10_12_x86_64"],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(triple: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|target| target.triple() == triple).ok_or_else(|| {
            format!("nothing is released for {triple}, but for {}", Self::ALL.map(Self::triple).join(", "))
        })
    }
}
