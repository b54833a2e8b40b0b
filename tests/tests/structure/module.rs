//! The modules of a crate, found from its root by their declarations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::imports::{Import, imports};
use crate::tokens::{Token, bracketed, item, tokens};

/// The names from the crate's root to a module.
pub(crate) type ModulePath = Vec<String>;

/// A module with a file of its own.
#[derive(Debug)]
pub(crate) struct Module {
    /// The file, from the crate's `src`.
    pub(crate) file: String,
    pub(crate) imports: Vec<Import>,
    /// Whether the file has other items than `mod` and `use`.
    has_logic: bool,
}

/// The sources of a crate without its tests.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) modules: BTreeMap<ModulePath, Module>,
    /// The modules that an attribute places in another file.
    pub(crate) moved: Vec<String>,
}

/// Returns the text of a file, if it exists.
pub(crate) type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

impl Crate {
    /// Reads the crate whose sources lie below `src`.
    pub(crate) fn read(src: &Path, read: Read<'_>) -> Self {
        let name = src.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let mut found = Self { name, modules: BTreeMap::new(), moved: Vec::new() };
        found.add(src, read, src.join("lib.rs"), Vec::new());
        found
    }

    fn add(&mut self, src: &Path, read: Read<'_>, file: PathBuf, path: ModulePath) {
        let text = read(&file).unwrap_or_else(|| panic!("{} can't be read", file.display()));
        let declared = Declarations::of(&without_tests(&tokens(&text)));
        let is_folder = file.ends_with("mod.rs") || path.is_empty();
        let dir = if is_folder { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        let shown = file.strip_prefix(src).unwrap().to_string_lossy().into_owned();
        for name in declared.children {
            let candidates = [dir.join(format!("{name}.rs")), dir.join(&name).join("mod.rs")];
            let child: ModulePath = path.iter().cloned().chain([name.clone()]).collect();
            if declared.moved.contains(&name) {
                self.moved.push(format!("{}: {shown}: {name}", self.name));
            }
            if let Some(file) = candidates.into_iter().find(|candidate| read(candidate).is_some()) {
                self.add(src, read, file, child);
            }
        }
        let module = Module { file: shown, imports: declared.imports, has_logic: declared.has_logic };
        self.modules.insert(path, module);
    }

    /// The `mod.rs` files with other items than `mod` and `use`.
    pub(crate) fn mod_files_with_logic(&self) -> Vec<String> {
        let with_logic =
            self.modules.values().filter(|module| module.has_logic && module.file.ends_with("mod.rs"));
        with_logic.map(|module| format!("{}: {}", self.name, module.file)).collect()
    }
}

/// What a file declares.
struct Declarations {
    children: Vec<String>,
    moved: BTreeSet<String>,
    imports: Vec<Import>,
    has_logic: bool,
}

impl Declarations {
    fn of(tokens: &[Token]) -> Self {
        let mut found =
            Self { children: Vec::new(), moved: BTreeSet::new(), imports: imports(tokens), has_logic: false };
        let (mut at, mut has_path) = (0, false);
        while at < tokens.len() {
            if tokens[at].is('#') {
                let length = attribute(&tokens[at..]);
                let is_inner = tokens.get(at + 1).is_some_and(|next| next.is('!'));
                has_path |= !is_inner && tokens[at..at + length].iter().any(|token| token.is_word("path"));
                at += length;
                continue;
            }
            let length = item(&tokens[at..]);
            let mut words = visible(&tokens[at..at + length]).iter();
            match (words.next(), words.next(), words.next()) {
                (Some(keyword), Some(Token::Word(name)), Some(Token::Sign(';')))
                    if keyword.is_word("mod") =>
                {
                    if has_path {
                        found.moved.insert(name.clone());
                    }
                    if !found.children.contains(name) {
                        found.children.push(name.clone());
                    }
                }
                (Some(keyword), ..) if keyword.is_word("use") => {}
                _ => found.has_logic = true,
            }
            has_path = false;
            at += length;
        }
        found
    }
}

/// An item without its visibility.
fn visible(item: &[Token]) -> &[Token] {
    match item {
        [keyword, rest @ ..] if keyword.is_word("pub") => match rest {
            [Token::Sign('('), ..] => &rest[bracketed(rest)..],
            _ => rest,
        },
        _ => item,
    }
}

/// The length of the attribute that begins here.
fn attribute(tokens: &[Token]) -> usize {
    let open = if tokens.get(1).is_some_and(|next| next.is('!')) { 2 } else { 1 };
    open + bracketed(&tokens[open..])
}

/// The tokens without the items that only tests have.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let is_attribute = tokens[at].is('#') && tokens.get(at + 1).is_some_and(|next| next.is('['));
        if !is_attribute {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let length = attribute(&tokens[at..]);
        let has = |word: &str| tokens[at..at + length].iter().any(|token| token.is_word(word));
        if has("test") && !has("not") && (has("cfg") || length == 4) {
            at += length;
            while tokens.get(at).is_some_and(|token| token.is('#')) {
                at += attribute(&tokens[at..]);
            }
            at += item(&tokens[at..]);
        } else {
            kept.extend_from_slice(&tokens[at..at + length]);
            at += length;
        }
    }
    kept
}
