#!/bin/sh
# Who may come in, and how often: rules, read again at SIGHUP; rates; networks; and what is
# told about who may not.  S4 K2 E4
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# ask FROM: from that address; what comes back, which is nothing of one who is refused
ask() {
	echo ohai | timeout 20 nc.openbsd -N -s "$1" 127.0.0.1 "$port" 2>/dev/null
}

rules() {
	printf '%s\n' "$@" >"$tap_dir/rules"
}

# ------------------------------------------------------------------------------ rules

for served in "--echo" "-- cat"; do
	rules '# a comment' 'default deny' 'allow 127.0.0.1' 'allow 127.0.2.0/24' 'deny 127.0.2.9'
	# shellcheck disable=SC2086
	serve -v --rules "$tap_dir/rules" 127.0.0.1:0 "unix:$tap_dir/sock" $served
	is "$served: one who is allowed" "$(ask 127.0.0.1)" ohai
	is "$served: one of a block" "$(ask 127.0.2.3)" ohai
	is "$served: one of it who is denied" "$(ask 127.0.2.9)" ""
	is "$served: by default denied" "$(ask 127.0.0.2)" ""
	within 10 logged '^hark: refused ' 2
	has "$served: which is told" "$(cat "$log")" "hark: refused 127.0.2.9:" \
		": a rule of --rules says so" "hark: refused 127.0.0.2:"
	is "$served: Unix clients have no address" \
		"$(echo ohai | nc.openbsd -N -U "$tap_dir/sock")" ohai

	rules 'deny 127.0.0.1'
	kill -HUP "$server"
	within 10 logged 'read the rules again' 1
	has "$served: SIGHUP: told" "$(cat "$log")" "hark: read the rules again from $tap_dir/rules"
	is "$served: SIGHUP: one is denied now" "$(ask 127.0.0.1)" ""
	is "$served: SIGHUP: one is allowed now" "$(ask 127.0.0.2)" ohai

	rules 'deny 127.0.0.1' 'allow everybody'
	kill -HUP "$server"
	within 10 logged 'the rules stay as they were' 1
	has "$served: a mistake is told with its line" "$(cat "$log")" "$tap_dir/rules:2" everybody
	is "$served: and changes nothing" "$(ask 127.0.0.1)$(ask 127.0.0.2)" ohai
	rm "$tap_dir/rules"
	kill -HUP "$server"
	within 10 logged 'the rules stay as they were' 2
	has "$served: so does a file that went away" "$(tail -n 1 "$log")" "$tap_dir/rules" ENOENT
	is "$served: which changes nothing, too" "$(ask 127.0.0.1)$(ask 127.0.0.2)" ohai
	finish TERM
	is "$served: exit 0" "$status" 0
done

# For all workers; whichever it is that accepts.
rules 'allow 127.0.0.1'
serve --workers 2 --rules "$tap_dir/rules" 127.0.0.1:0 --echo
is "workers: allowed" "$(for _ in 1 2 3 4; do ask 127.0.0.1; done | sort | uniq -c | tr -d ' ')" 4ohai
rules 'default deny'
kill -HUP "$server"
within 10 logged 'read the rules again' 2
is "workers: SIGHUP concerns them all" "$(for _ in 1 2 3 4; do ask 127.0.0.1; done)" ""
finish TERM

# wrong SENTENCE CODE PART...: of the rules that there are
wrong() {
	sentence=$1 code=$2
	shift 2
	said=$(timeout 5 "$HARK" serve -q --rules "$tap_dir/rules" "unix:$tap_dir/none" --echo \
		2>&1 </dev/null)
	is "$sentence: exit code" $? "$code"
	has "$sentence" "$said" "hark: " "$tap_dir/rules" "$@"
	is "$sentence: one line, nothing left" \
		"$(printf '%s\n' "$said" | wc -l | tr -d ' ')$(ls "$tap_dir/none" 2>/dev/null)" 1
}
rm -f "$tap_dir/rules"
wrong "no such file" 100 ENOENT
rules 'allow 127.0.0.1' 'permit all'
wrong "a mistake" 100 "rules:2" "permit all"
rm "$tap_dir/rules"
mkdir "$tap_dir/rules"
wrong "a directory" 100 EISDIR
rmdir "$tap_dir/rules"
said=$(timeout 5 "$HARK" serve --rules '' "unix:$tap_dir/none" --echo 2>&1 </dev/null)
is "an empty name: exit code" $? 100
has "an empty name" "$said" "cannot use the value of --rules, ''"

# Without rules SIGHUP has nothing to do.
serve 127.0.0.1:0 --echo
kill -HUP "$server"
is "SIGHUP without rules ends nobody" "$(ask 127.0.0.1)" ohai
finish TERM
is "SIGHUP without rules: exit 0" "$status" 0

# ------------------------------------------------------------------------------- rates

# So long a time that it does not come back meanwhile.
serve -v --rate 3/1000 127.0.0.1:0 --echo
is "--rate: as many as it says" "$(for _ in 1 2 3; do ask 127.0.0.1; done | wc -l | tr -d ' ')" 3
is "--rate: the next is refused" "$(ask 127.0.0.1)" ""
within 10 logged '^hark: refused ' 1
has "--rate: which is told" "$(cat "$log")" "more new ones from there than --rate 3/1000"
is "--rate: another address has its own" "$(ask 127.0.0.2)" ohai
finish TERM

served_again() {
	[ "$(ask 127.0.0.1)" = ohai ]
}
serve --rate 1 127.0.0.1:0 -- cat
is "--rate 1: the first" "$(ask 127.0.0.1)" ohai
within 10 served_again
is "--rate 1: a second later one more" $? 0
finish TERM

for rate in 0 x 1/0 1/ 1000001 1/86401 -1; do
	said=$(timeout 5 "$HARK" serve --rate "$rate" "unix:$tap_dir/none" --echo 2>&1 </dev/null)
	is "--rate $rate: exit code" $? 100
	has "--rate $rate" "$said" "cannot use the value of --rate, '$rate'; it takes a number"
done

# ----------------------------------------------------------------- networks, and the rest

stay() {
	: >"$tap_dir/out.$1"
	nc.openbsd -d -s "$2" 127.0.0.1 "$port" >"$tap_dir/out.$1" &
	stayed=$!
	tap_pids="$tap_pids $stayed"
}

serve -v --per-prefix 2 127.0.0.1:0 -- sh -c 'echo in; exec cat'
stay 1 127.0.1.1
first=$stayed
within 10 said 1 in
stay 2 127.0.1.2
within 10 said 2 in
is "--per-prefix 2: the third of a network is refused" "$(ask 127.0.1.3)" ""
within 10 logged '^hark: refused ' 1
has "--per-prefix 2: which is told" "$(cat "$log")" "hark: refused 127.0.1.3:" \
	": 2 from that network are served already"
is "--per-prefix 2: another network is served" "$(ask 127.0.2.3 | tr '\n' ' ')" "in ohai "
kill "$first" "$stayed"
wait "$first" "$stayed" 2>/dev/null
finish TERM

carriage_return=$(printf '\r')
serve -v -c 1 --overload refuse --refusal "busy, come again" 127.0.0.1:0 -- sh -c 'echo in; exec cat'
stay 1 127.0.0.1
within 10 said 1 in
is "--overload refuse: a word for who is too many" "$(timeout 20 nc.openbsd -d 127.0.0.1 "$port")" \
	"busy, come again$carriage_return"
within 10 logged '^hark: refused ' 1
has "--overload refuse: which is told" "$(cat "$log")" "hark: refused 127.0.0.1:" \
	": 1 are served, the most (--connections)"
kill "$stayed"
wait "$stayed" 2>/dev/null
in_again() {
	[ "$(ask 127.0.0.1 | head -n 1)" = in ]
}
within 10 in_again
is "--overload refuse: one has left, one is served" $? 0
finish TERM

serve --overload wait 127.0.0.1:0 --echo
is "--overload wait is the default, and may be said" "$(ask 127.0.0.1)" ohai
finish TERM
said=$(setpriv --bounding-set=-net_raw --inh-caps=-all --reuid=65534 --clear-groups true 2>&1)
if [ "$(id -u)" = 0 ] && present setpriv && [ -z "$said" ]; then
	serve -c 1 --overload gate 127.0.0.1:0 --echo
	mkfifo "$tap_dir/holds"
	nc.openbsd 127.0.0.1 "$port" <"$tap_dir/holds" >"$tap_dir/held" &
	holder=$!
	exec 8>"$tap_dir/holds"
	echo ohai >&8
	within 10 test -s "$tap_dir/held"
	refused_at_once() {
		! timeout 1 nc.openbsd -z 127.0.0.1 "$port" 2>/dev/null
	}
	within 10 refused_at_once
	is "--overload gate: the kernel refuses who is too many" $? 0
	exec 8>&-
	leave "$holder"
	let_in() {
		[ "$(ask 127.0.0.1 2>/dev/null)" = ohai ]
	}
	within 10 let_in
	is "--overload gate: one has left, one is served" $? 0
	finish TERM
	said=$(timeout 5 setpriv --bounding-set=-net_raw "$HARK" serve --overload gate -c 1 \
		127.0.0.1:0 --echo 2>&1)
	is "--overload gate: not without the privilege" $? 100
	has "--overload gate: and told which" "$said" "CAP_NET_RAW" EPERM
else
	skip "--overload gate" "needs root and setpriv"
fi

said=$(timeout 5 "$HARK" serve --overload reset "unix:$tap_dir/none" --echo 2>&1 </dev/null)
is "--overload reset: exit code" $? 100
has "--overload reset" "$said" "cannot use the value of --overload, 'reset'; it is 'wait', 'refuse' or 'gate'"

done_testing
