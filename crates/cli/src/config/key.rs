//! The names of the settings.

use super::table::with_rows;

macro_rules! keys {
    ($layers:ident; $(
        $(#[$doc:meta])*
        $key:ident $field:ident: $type:ty = $method:ident($kind:ident, $default:expr $(, $words:literal)?)
        { $($rest:tt)* }
    )*) => {
        /// What can be set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $($key,)*
            /// The words after `--`: of the plan's command. Only on a command line.
            Command,
        }

        /// How many can be set by themselves.
        pub(super) const COUNT: usize = [$(stringify!($key)),*].len();

        impl Key {
            /// All that can be set by itself, in the order in which they are shown.
            pub(crate) const ALL: [Self; COUNT] = [$(Self::$key),*];
        }
    };
}

with_rows!(keys);
