#!/usr/bin/env node
// Starts the binary of the package for this system, and ends as it ends. A hook should run that binary itself: see docs/install.md.
'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const tty = require('node:tty');

const CANNOT_RUN = 126; // what a shell says of a program that it can't run
const platforms = Object.keys(require('../package.json').optionalDependencies);
const platform = `@oneworker/${process.platform}-${process.arch}`;

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(CANNOT_RUN);
}

function binary() {
  const program = process.platform === 'win32' ? 'oneworker.exe' : 'oneworker';
  try {
    return require.resolve(`${platform}/bin/${program}`);
  } catch {
    if (platforms.includes(platform)) {
      fail(
        `the package ${platform}, which has the binary, is not installed: optional dependencies were left out, or ` +
          'node_modules was copied from another system. Run `npm install --include=optional oneworker`.',
      );
    }
    const known = platforms.map((name) => name.slice('@oneworker/'.length)).join(', ');
    fail(
      `there is no binary for ${process.platform} on ${process.arch} (only for ${known}). ` +
        'With Rust, `cargo install oneworker` builds one.',
    );
  }
}

const program = binary();

// Before there is a child that could be left behind. What a terminal sends, it sends to both of us; passed on, it would reach the binary twice.
const sentByTerminal = new Set(['SIGINT', 'SIGQUIT']);
for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2']) {
  if (!(signal in constants.signals)) continue;
  process.on(signal, () => {
    if (!(sentByTerminal.has(signal) && tty.isatty(0))) child.kill(signal);
  });
}

const child = spawn(program, process.argv.slice(2), { stdio: 'inherit', windowsHide: true });

child.on('error', (error) => fail(`${program} can't be started: ${error.message}`));

child.on('exit', (status, signal) => {
  if (signal === null) process.exit(status);
  // Ended by a signal: so are we, for whoever waits for us.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
