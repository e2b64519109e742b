#!/bin/sh
# A storm of clients while the server is replaced again and again, or fails to be: each of
# them gets its whole answer.  D1
#
# HARK_STORM_UPGRADES says how often, in each way of serving; the default is quick.
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

upgrades=${HARK_STORM_UPGRADES:-6}
clients=${HARK_STORM_CLIENTS:-256}

chmod 755 "$tap_dir"
real=$HARK
HARK=$tap_dir/hark
ln -s "$real" "$HARK"
mkfifo "$tap_dir/until"

count() {
	grep -c "$1" "$log"
}

# One after another, as soon as the last has taken over; where too many still drain, it is
# tried again.
upgrade_all() {
	taken=0 refused=0
	while [ "$taken" -lt "$upgrades" ]; do
		kill -USR2 "$server"
		within 30 upgraded || return 1
	done
}

upgraded() {
	if [ "$(count 'has taken over')" -gt "$taken" ]; then
		taken=$((taken + 1))
		server=$(sed -n 's/^hark: process \([0-9]*\) has taken over$/\1/p' "$log" | tail -n 1)
		tap_pids="$tap_pids $server"
		return 0
	fi
	[ "$(count 'generations live already')" -gt "$refused" ] || return 1
	refused=$((refused + 1))
	return 0
}

# None of them does.
fail_all() {
	tried=0
	while [ "$tried" -lt "$upgrades" ]; do
		tried=$((tried + 1))
		kill -USR2 "$server"
		within 30 failed || return 1
	done
}

failed() {
	[ "$(count 'no hot restart')" -ge "$tried" ]
}

# storm SENTENCE WHAT: clients come while WHAT goes on
storm() {
	"$HARK_STORM" "$clients" 127.0.0.1 "$port" <"$tap_dir/until" >"$tap_dir/became" &
	storming=$!
	tap_pids="$tap_pids $storming"
	exec 7>"$tap_dir/until"
	"$2"
	is "$1: $2" $? 0
	exec 7>&-
	wait "$storming"
	became=$(cat "$tap_dir/became")
	has "$1: nobody is refused, reset or cut" "$became" \
		"refused 0 reset 0 short 0 wrong 0 silent 0"
	served=$(echo "$became" | sed 's/served \([0-9]*\) .*/\1/')
	[ "${served:-0}" -ge "$clients" ]
	is "$1: and many are served" $? 0
	note "$became"
}

for way in "--echo" "--echo --model serial" "--echo --model fork" "--echo --model pool" \
	"-- cat" "--workers 2 --echo" "--workers 2 --echo --model serial" \
	"--workers 2 --echo --model fork" "--workers 2 --echo --model pool" \
	"--workers 2 -- cat"; do
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 --generations 16 $way
	storm "$way" upgrade_all
	kill "$server"
	within 30 gone "$server"
	is "$way: the last one ends" $? 0
done

# A third of them exits, hangs and crashes.
cat >"$tap_dir/fails" <<'SCRIPT'
#!/bin/sh
case $(($$ % 3)) in
0) exit 3 ;;
1) exec sleep 60 ;;
2) kill -SEGV $$ ;;
esac
SCRIPT
chmod 755 "$tap_dir/fails"
for way in "--echo" "--echo --model fork" "-- cat" "--workers 2 --echo"; do
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 --upgrade-timeout 1 $way
	ln -sf "$tap_dir/fails" "$HARK"
	storm "$way, in vain" fail_all
	ln -sf "$real" "$HARK"
	finish TERM
	is "$way, in vain: it ends with 0" "$status" 0
done

done_testing
