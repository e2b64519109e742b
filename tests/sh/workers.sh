#!/bin/sh
# Workers: one that dies is replaced and the others go on; limits hold over all of them;
# they end with their server, however it ends.  S1 S4 S5 S8 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@" 2>/dev/null
}

workers() {
	ps -o pid= --ppid "$server" | tr -d ' ' | sort -n | tr '\n' ' '
}

has_workers() {
	[ "$(workers | wc -w | tr -d ' ')" = "$1" ]
}

nobody() {
	for pid; do
		if kill -0 "$pid" 2>/dev/null; then
			return 1
		fi
	done
}

# ---------------------------------------------------------------------------- replaced

for served in "--echo" "--echo --model fork" "--echo --model pool" "-- cat"; do
	# shellcheck disable=SC2086
	serve -v --workers 3 127.0.0.1:0 "unix:$tap_dir/sock" $served
	within 10 has_workers 3
	is "$served: three workers" "$(workers | wc -w | tr -d ' ')" 3
	is "$served: an echo" "$(ask 127.0.0.1 "$port")" ohai
	is "$served: over a Unix path" "$(ask -U "$tap_dir/sock")" ohai
	before=$(workers)
	victim=${before%% *}
	kill -KILL "$victim"
	replaced() {
		has_workers 3 && [ "$(workers)" != "$before" ]
	}
	within 10 replaced
	is "$served: one that was killed is replaced" $? 0
	within 10 logged "^hark: worker $victim ended, signal SIGKILL" 1
	has "$served: and told" "$(cat "$log")" "hark: worker $victim ended, signal SIGKILL"
	is "$served: ten more" "$(for i in 1 2 3 4 5 6 7 8 9 10; do
		ask 127.0.0.1 "$port"
	done | uniq -c | tr -d ' ')" 10ohai
	old=$(workers)
	finish TERM
	is "$served: exit 0" "$status" 0
	# shellcheck disable=SC2086
	within 10 nobody $old
	is "$served: and no worker is left" $? 0
	is "$served: nor the path" "$(ls "$tap_dir/sock" 2>/dev/null)" ""
	has "$served: the end is told once" "$(grep -c '^hark: stopping' "$log")" 1
done

# A server that is killed leaves nobody: workers see its end.
serve --workers 2 127.0.0.1:0 --echo
within 10 has_workers 2
old=$(workers)
kill -KILL "$server"
wait "$server" 2>/dev/null
# shellcheck disable=SC2086
within 10 nobody $old
is "the server was killed: its workers end" $? 0

serve -v --workers 1 --recycle 3 127.0.0.1:0 --echo
within 10 has_workers 1
before=$(workers)
for i in 1 2 3 4; do
	ask 127.0.0.1 "$port" >"$tap_dir/recycled.$i"
done
is "--recycle 3: all four are served" "$(cat "$tap_dir"/recycled.* | uniq -c | tr -d ' ')" 4ohai
other() {
	[ "$(workers)" != "$before" ] && has_workers 1
}
within 10 other
is "--recycle 3: the worker is another" $? 0
within 10 logged "^hark: worker ${before% } ended, exit code 0" 1
is "--recycle 3: which is told to who asks" $? 0
finish TERM

# ------------------------------------------------------------------------------ limits

serve -v --workers 2 -c 3 127.0.0.1:0 -- sh -c 'echo in; exec cat'
for i in 1 2 3; do
	stays $i 127.0.0.1 "$port"
	eval "client$i=\$stayed"
	within 10 said $i in
done
stays 4 127.0.0.1 "$port"
within 10 in_queue 1
is "-c 3 is over all workers: the fourth waits" "$(cat "$tap_dir/out.4")" ""
# shellcheck disable=SC2154
leave "$client1"
within 10 said 4 in
is "-c 3: until one has left" "$(cat "$tap_dir/out.4")" in
is "-c 3: never more than three" "$(grep -c ' [4-9] of 3$' "$log")" 0
# shellcheck disable=SC2154
leave "$client2" "$client3" "$stayed"
finish TERM

serve -v --workers 2 -C 2 127.0.0.1:0 -- sh -c 'echo in $TCPCONNNUM; exec cat'
for i in 1 2; do
	stays $i 127.0.0.1 "$port"
	eval "client$i=\$stayed"
	within 10 said $i in
done
is "-C 2 is over all workers: the third is refused, each time" \
	"$(for i in 1 2 3 4 5 6; do ask 127.0.0.1 "$port"; done)" ""
is "-C 2: TCPCONNNUM counts over all" "$(cat "$tap_dir/out.1" "$tap_dir/out.2" | tr '\n' ' ')" \
	"in 1 in 2 "
is "-C 2: another address is served" "$(ask -s 127.0.0.2 127.0.0.1 "$port" | tr '\n' ' ')" \
	"in 1 ohai "
leave "$client1" "$client2"
finish TERM

# --------------------------------------------------------------------- ready, and the end

# Readers wait for the end of both: no worker may hold them open.
mkfifo "$tap_dir/ports" "$tap_dir/ready"
"$HARK" serve --workers 2 --print-port --notify-fd 7 127.0.0.1:0 --echo \
	>"$tap_dir/ports" 2>"$tap_dir/log" 7>"$tap_dir/ready" &
server=$!
tap_pids="$tap_pids $server"
timeout 20 cat "$tap_dir/ready" >"$tap_dir/notice" &
reader=$!
port=$(timeout 20 cat "$tap_dir/ports")
is "--print-port: the reader gets the end" "$?:$(echo "$port" | tr -d 0-9)" 0:
wait "$reader"
is "--notify-fd: too" "$?:$(od -An -c "$tap_dir/notice" | tr -d ' ')" '0:\n'
is "and is served" "$(ask 127.0.0.1 "$port")" ohai
finish INT
is "SIGINT: exit 0" "$status" 0

serve --workers 2 127.0.0.1:0 -- cat
mkfifo "$tap_dir/in"
nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/out" &
client=$!
exec 3>"$tap_dir/in"
echo before >&3
within 10 grep -q before "$tap_dir/out"
finish TERM
is "a program goes on: exit 0" "$status" 0
has "a program goes on: which is told" "$(cat "$log")" "hark: leaving 1 program to go on"
echo after >&3
within 10 grep -q after "$tap_dir/out"
exec 3>&-
wait "$client"
is "a program goes on: to its end" "$(tr '\n' ' ' <"$tap_dir/out")" "before after "

serve --workers 2 --wait 127.0.0.1:0 -- cat
rm "$tap_dir/in"
mkfifo "$tap_dir/in"
nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/out" &
client=$!
exec 3>"$tap_dir/in"
echo before >&3
within 10 grep -q before "$tap_dir/out"
kill -TERM "$server"
within 10 logged 'waiting for 1 program' 1
is "--wait: it says whom it waits for" $? 0
is "--wait: nobody is let in any more" "$(ask 127.0.0.1 "$port")" ""
exec 3>&-
wait "$client"
wait "$server"
is "--wait: exit 0 after the last" $? 0

# Who waits in the queue at the end is served.
serve --workers 2 127.0.0.1:0 --echo
within 10 has_workers 2
all=$(workers)
# shellcheck disable=SC2086
kill -STOP $all
for i in 1 2 3 4 5; do
	echo "waits $i" | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/queued.$i" &
	eval "queued$i=\$!"
done
within 10 in_queue 5
kill -TERM "$server"
within 10 logged stopping 1
# shellcheck disable=SC2086
kill -CONT $all
wait "$server"
is "five in the queue: exit 0" $? 0
for i in 1 2 3 4 5; do
	eval "wait \$queued$i"
	is "five in the queue: client $i was served" "$(cat "$tap_dir/queued.$i")" "waits $i"
done

# --------------------------------------------------------------------------- mistakes

for count in 0 257 x; do
	said=$(timeout 5 "$HARK" serve --workers "$count" "unix:$tap_dir/none" --echo 2>&1 </dev/null)
	is "--workers $count: exit code" $? 100
	has "--workers $count" "$said" \
		"cannot use the value of --workers, '$count'; it takes a number from 1 to 256"
done
said=$(timeout 5 "$HARK" serve --recycle 5 "unix:$tap_dir/none" --echo 2>&1 </dev/null)
is "--recycle without workers: exit code" $? 100
has "--recycle without workers" "$said" "no use for the option '--recycle'; only --workers are replaced"

done_testing
