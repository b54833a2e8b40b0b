//! What is made of the table of settings: keys, definitions, and the settings of one call.

/// Makes [`Key`](super::Key), `DEFINITIONS` and [`Settings`](super::Settings) from rows like this:
///
/// ```text
/// Key field: Type = method(KIND, default, "the default in words") { the rest of its definition }
/// ```
///
/// `method` is one of [`Layers`](crate::config::layers::Layers). It is called with the key, a kind of
/// [`kind`](crate::config::kind) and the default. A default may use the settings above it. It needs
/// words only if it is not a plain value.
macro_rules! settings {
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

        const COUNT: usize = [$(stringify!($key)),*].len();

        impl Key {
            /// All that can be set by itself, in the order in which they are shown.
            pub(crate) const ALL: [Self; COUNT] = [$(Self::$key),*];
        }

        /// The rows, in the order of the keys.
        pub(crate) static DEFINITIONS: [Definition; COUNT + 1] = [
            $(Definition {
                key: Key::$key,
                form: kind::$kind.form,
                placeholder: kind::$kind.placeholder,
                check: |raw| (kind::$kind.parse)(raw).map(drop),
                default: || made::words!($kind, $default $(, $words)?),
                $($rest)*
            },)*
            COMMAND,
        ];

        /// Everything that can be set.
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[$doc])* pub(crate) $field: $type,)*
            /// The file that was looked for, and whether there was one.
            pub(crate) file: Option<(Located, bool)>,
        }

        impl Settings {
            fn of($layers: &Layers<'_>, file: Option<(Located, bool)>) -> Result<Self, ConfigError> {
                $(let $field = $layers.$method(Key::$key, &kind::$kind, || Ok($default))?;)*
                Ok(Self { $($field,)* file })
            }

            /// The settings one by one, a list as one entry for each item.
            pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
                let mut entries = Vec::new();
                $(show(&mut entries, Key::$key, &kind::$kind, self.$field.as_ref());)*
                entries
            }
        }
    };
}

/// The default in words.
macro_rules! words {
    ($kind:ident, $default:expr) => {
        (kind::$kind.print)(&$default).to_string_lossy().into_owned()
    };
    ($kind:ident, $default:expr, $words:literal) => {
        $words.to_owned()
    };
}

pub(super) use {settings, words};
