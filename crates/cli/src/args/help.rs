//! What `--help` says below the flags.

pub(super) const PROGRAM: &str = "\
Examples:
  url=$(oneworker ensure)               The worker's address, whoever started it
  oneworker ensure --name notes --json  Another identity, and the answer as JSON
  oneworker status                      Who is in office?
  oneworker logs -f                     Watch the worker's log

Every flag has a variable (ONEWORKER_NAME, ONEWORKER_PORT, ONEWORKER_STATE_DIR,
ONEWORKER_CONFIG, ONEWORKER_DEADLINE, ONEWORKER_HANG_LIMIT, ONEWORKER_LOG, …)
and a key in oneworker.toml; `oneworker config show` names them. Flags come
before variables, variables before the file. Exit code 0: done; 2: a mistake in
flags or configuration; 3: no worker runs; the others are listed in docs/cli.md.";

pub(super) const PROGRAM_SHORT: &str = "\
`oneworker --help` and `oneworker COMMAND --help` say more and have examples.";

pub(super) const ENSURE: &str = "\
Prints one line, the worker's URL. Takes no longer than the deadline; a worker
that is still starting then goes on, and the next call finds it. Asks nothing
and never reads standard input.

Examples:
  oneworker ensure                    http://127.0.0.1:37777
  oneworker ensure --name notes --port auto
      Its own identity, on any free port
  oneworker ensure --json --deadline 2s
      {\"schema\":1,\"outcome\":\"reused\",…}
  oneworker ensure --quiet || exit 0  In a hook that must not block its caller
  oneworker ensure --no-start         Only find a worker
  oneworker ensure --env HTTPS_PROXY  Let a new worker have this variable
  oneworker ensure --port 4000 -- node /srv/server.js
      Any program as the one worker: docs/any-daemon.md
  oneworker ensure --session $ID --session-pid $PPID
      The worker stays for as long as this session lives";

pub(super) const SERVE: &str = "\
`ensure` starts a worker by running `oneworker serve` detached. Where another
worker is in office, `serve` says so and ends with exit code 0, having touched
nothing.

Examples:
  oneworker serve --foreground  Under a terminal or a service manager
  ONEWORKER_LOG=debug oneworker serve --foreground
  oneworker serve --drain 30s   Give running requests more time at the end";

pub(super) const STATUS: &str = "\
Exit code 0: a worker is in office and proved itself; 3: none is; another: see
docs/cli.md.

Examples:
  oneworker status
  oneworker status --json
  oneworker status --quiet && echo up";

pub(super) const STOP: &str = "\
Waits until the worker has left office, at most until the deadline. That nothing
ran is no failure.

Examples:
  oneworker stop
  oneworker stop --name notes --deadline 30s
  oneworker stop --force  Also if it does not answer";

pub(super) const RESTART: &str = "\
One deadline covers both halves. A version that is chosen with --version or
--program stays for a day: meanwhile no session's --upgrade replaces it, as long
as it runs.

Examples:
  oneworker restart --deadline 15s
  oneworker restart --version 1.4.2  Go back to that version, without a gap
  oneworker restart --force          Also if the worker does not answer";

pub(super) const LOGS: &str = "\
Reads the files, rotated ones too, and asks no worker. A line without a time
belongs to the line before it.

Examples:
  oneworker logs
  oneworker logs -n 200
  oneworker logs -f --name notes
  oneworker logs indexer --since 10m
      What the child `indexer` said in the last ten minutes
  oneworker logs --since 2026-01-31T08:00:00Z";

pub(super) const EVENTS: &str = "\
Reads lifecycle.db in the state directory, and asks no worker. With --json, one
object on each line.

Examples:
  oneworker events --since 1h
  oneworker events -f
  oneworker events --json | jq -r 'select(.kind == \"refused\").reason'";

pub(super) const EXPLAIN: &str = "\
Examples:
  oneworker explain         The whole story, and how it stands now
  oneworker explain --last  The last worker, and what came after it
  oneworker explain --since 1h --json";

pub(super) const PS: &str = "\
CPU is the share of one CPU over the process's life. Strays are looked for by
the patterns of [strays] in the configuration: a program and whole arguments,
where * stands for any text. Keys of --watch: arrows or j and k select, i or
Enter looks closer, s stops (after a y), c and m sort by CPU and by memory, q
leaves; its CPU is the share since the look before.

Examples:
  oneworker ps
  oneworker ps --watch
  oneworker ps --all --json
  oneworker ps --strays '{\"worker\":[[\"node\",\"*/worker.cjs\",\"--daemon\"]]}'";

pub(super) const REAP: &str = "\
Says first who would be ended and why. Without --yes it asks on a terminal, and
ends nothing without one: exit code 5 then says that there are strays. Whoever
is in office stays, with all that comes from it; where nobody is, the newest
stray that answers on its port stays.

Examples:
  oneworker reap
  oneworker reap --yes
  oneworker reap --yes --keep 4711";

pub(super) const ADOPT: &str = "\
For a daemon that was started before there was an election, and has the
identity's port. Says first who it is and what would be done. Without --yes it
asks on a terminal, and does nothing without one. Then it asks the daemon to
end, waits until the port is free, and starts the worker there, or the command
that the configuration names.

Examples:
  oneworker adopt  The daemon that [strays] describes
  oneworker adopt 4711 --yes --within 30s
      This one, which may take its time to end
  oneworker adopt --print-config
      The same program, supervised: what to write into oneworker.toml
  oneworker adopt --yes -- node /srv/server.js";

pub(super) const DOCTOR: &str = "\
Says nothing where nothing is wrong. Exit code 6: there are problems. --repair
takes away others' rights to the state directory; what could hurt anybody is
left to you. --bundle takes what looks like a secret out; look at the file all
the same before you send it.

Examples:
  oneworker doctor
  oneworker doctor --bundle report.tar.gz  For the report of a bug
  oneworker doctor --repair
  oneworker doctor --json | jq '.findings'";

pub(super) const PURGE: &str = "\
Shows what goes, stops the worker, and removes the state directory. Without
--yes it asks on a terminal, and removes nothing without one.

Examples:
  oneworker purge --name notes
  oneworker purge --name notes --yes";

pub(super) const STORM: &str = "\
Each line is a session, each letter a worker. Exit code 1: it was not one and
the same worker for all.

Examples:
  oneworker storm -n 100
  oneworker storm --naive
      What sessions do that look first, and start one if there is none";

pub(super) const PUT: &str = "\
Starts the worker if none runs. Exit code 0 means that the observation survives
a crash and a power failure.

Examples:
  oneworker put --session $SESSION --kind prompt \"what the user said\"
  oneworker put --key $EVENT_ID --metadata '{\"tool\":\"Bash\"}' \"ran the tests\"
  jq -c '{session:.id,kind:.type,text:.body}' all.json | oneworker put --stdin";

pub(super) const SEARCH: &str = "\
Examples:
  oneworker search disk full
  oneworker search 'migrat*' --session 8f2c --json";

pub(super) const TAIL: &str = "\
Examples:
  oneworker tail -n 50
  oneworker tail -f --kind prompt
  oneworker tail -f --json  One JSON object on each line";

pub(super) const BACKUP: &str = "\
Examples:
  oneworker backup notes.db
  oneworker stop && oneworker restore notes.db";

pub(super) const SESSION: &str = "\
A worker that no session has a lease of leaves after --idle-timeout. A lease
ends by being ended, by the death of the process that --session-pid names, or
after --session-ttl.

Examples:
  oneworker ensure --session $ID --session-pid $PPID
      Find or start the worker, and begin the lease
  oneworker session touch $ID
  oneworker session end $ID
  oneworker session list";

pub(super) const HOOK_INSTALL: &str = "\
Shows what changes and asks, unless --yes. What else is in the file stays as it
is, to the byte; uninstalling gives back what was there before.

Examples:
  oneworker hook install --for claude-code      In ~/.claude/settings.json
  oneworker hook install --for cursor --scope project --yes
      In .cursor/hooks.json of this directory
  oneworker hook install --for codex --dry-run  Only look
  oneworker hook uninstall --for gemini";

pub(super) const SERVICE: &str = "\
What is written is shown first, and the command that makes the system read it is
printed. Flags and variables are written down; the configuration file is read
when the worker starts.

Examples:
  oneworker service show
  oneworker service install --yes
  oneworker service install --socket  Started when somebody connects
  oneworker service install --name notes --port 4000 -- node /srv/server.js
  oneworker service uninstall";

pub(super) const COMPLETIONS: &str = "\
Examples:
  oneworker completions bash \\
      > ~/.local/share/bash-completion/completions/oneworker
  oneworker completions zsh > ~/.zfunc/_oneworker  A directory of $fpath
  oneworker completions fish > ~/.config/fish/completions/oneworker.fish
  oneworker completions powershell >> $PROFILE";

pub(super) const MAN: &str = "\
Examples:
  oneworker man | man -l -
  oneworker man ~/.local/share/man/man1";

pub(super) const CONFIG_SHOW: &str = "\
Accepts the flags of the other commands, to show what they change.

Examples:
  oneworker config show
  oneworker config show --json
  ONEWORKER_PORT=auto oneworker config show";
