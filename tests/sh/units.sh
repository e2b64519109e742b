#!/bin/sh
# The units of systemd that are installed: that systemd understands them, and runs them where
# it runs.  D2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

if ! present systemd-analyze; then
	skip "the units are understood" "no systemd-analyze here"
	done_testing
fi

# unit NAME: as it is installed, but with the command under test
unit() {
	sed "s|^ExecStart=[^ ]*/hark |ExecStart=$HARK |; s|^EnvironmentFile=.*/hark/|EnvironmentFile=$tap_dir/|" \
		"$HARK_BUILD/data/hark@.$1" >"$tap_dir/hark@$2.$1"
}

# A port, and the path /run/x, escaped.
for address in 4481 -run-x; do
	unit socket $address
	unit service $address
	said=$(systemd-analyze verify --man=no "$tap_dir/hark@$address.socket" \
		"$tap_dir/hark@$address.service" 2>&1)
	is "$address: the units are understood" $? 0
	is "$address: with nothing to say of them" "$(printf '%s\n' "$said" | grep hark)" ""
done
is "the command under test is in there" \
	"$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$tap_dir/hark@4481.service")" "$HARK"
has "and the passed socket by its name" "$(cat "$tap_dir/hark@4481.service")" activation:hark
has "which is the one that the other gives" "$(cat "$tap_dir/hark@4481.socket")" \
	FileDescriptorName=hark

# What would be wrong is found.
sed 's/^Type=notify/Type=notice/' "$tap_dir/hark@4481.service" >"$tap_dir/wrong.service"
has "a mistake would be seen" \
	"$(systemd-analyze verify --man=no "$tap_dir/wrong.service" 2>&1)" notice

if systemd-analyze security --help 2>/dev/null | grep -q -- --threshold; then
	systemd-analyze security --offline=true --threshold=25 \
		"$tap_dir/hark@4481.service" >"$tap_dir/security" 2>&1
	is "the service is exposed to little: at most 2.5 of 10" $? 0
else
	skip "the service is exposed to little" "this systemd-analyze does not look at files"
fi

# --------------------------------------------------------------------- where systemd runs

# ours ARGUMENT...: systemctl of the manager that this user may tell, with nothing asked
ours() {
	timeout 60 systemctl "$manager" --no-ask-password "$@"
}

manager=--user
if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then
	manager=--system
fi
if ! ours list-units >/dev/null 2>&1; then
	skip "systemd runs the units" "no service manager runs here"
	done_testing
fi

# As they are, but at a port that is free, by a name that is not that of somebody's own, by who
# may run the command under test, and as often as it takes.
free_port
name=hark-test-$$
chmod 755 "$tap_dir"
for kind in socket service; do
	unit $kind "$port"
	sed "s|%I|$port|; s|hark@%i|$name|; s|^EnvironmentFile=.*|EnvironmentFile=$tap_dir/serve|
		s|^\[Unit\]|&\nStartLimitIntervalSec=0|
		/^DynamicUser=/d; /^Protect/d; /^Private/d" \
		"$tap_dir/hark@$port.$kind" >"$tap_dir/$name.$kind"
done
echo SERVE=--echo >"$tap_dir/serve"

remove() {
	ours stop "$name.socket" "$name.service"
	ours disable --runtime "$name.socket" "$name.service"
	ours daemon-reload
} >/dev/null 2>&1
trap 'remove; tap_end' EXIT

# property NAME
property() {
	ours show -p "$1" --value "$name.service"
}

ours link --runtime "$tap_dir/$name.socket" "$tap_dir/$name.service" >/dev/null 2>&1
ours start "$name.socket"
is "systemd opens the socket" $? 0
good=0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	[ "$(echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port")" != ohai ] ||
		good=$((good + 1))
	ours stop "$name.service" 2>/dev/null
done
is "of a dozen activations each serves its first client" $good 12
is "and each ends well" "$(property Result)" success
ours start "$name.service"
is "start waits until it is ready" "$? $(property SubState)" "0 running"
has "the status is its own" "$(property StatusText)" "serving: "
ours reload "$name.service"
is "it can be reloaded" "$? $(property SubState)" "0 running"
is "and is watched" "$(property WatchdogUSec)" 30s
is "it is the one that was started" "$(property NRestarts)" 0
ours stop "$name.service" 2>/dev/null
is "it stops well" "$(property Result)" success

done_testing
