#!/bin/sh
# Privileges are given up once the addresses are open, all of them and for good; what cannot
# be given up, or would leave no program that can run, is told at the start.  K1 K2 B1
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# ask [PORT]: what the program says to a client that says nothing
ask() {
	timeout 20 nc.openbsd -N 127.0.0.1 "${1:-$port}" </dev/null
}

# refused SENTENCE PART... of the complaint in $said with the exit code $code
refused() {
	sentence=$1
	shift
	is "$sentence: exit code" "$code" 100
	has "$sentence" "$said" "$@"
	is "$sentence: one line" "$(printf '%s\n' "$said" | grep -vc ' listening on ')" 1
}

# Those who may not.
if [ "$(id -u)" != 0 ]; then
	said=$("$HARK" serve -u 12345 127.0.0.1:0 -- cat 2>&1 </dev/null)
	code=$?
elif present setpriv; then
	# Where nobody finds them: the build may be in somebody's home.
	chmod 755 "$tap_dir"
	cp "$HARK" "$(dirname "$HARK")"/libhark.so.? "$tap_dir" 2>/dev/null
	said=$(LD_LIBRARY_PATH=$tap_dir setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all "$tap_dir/hark" serve -u 12345 127.0.0.1:0 -- cat \
		2>&1 </dev/null)
	code=$?
else
	skip "who is not root may not" "needs setpriv"
	code=
fi
if [ -n "$code" ]; then
	refused "who is not root may not" "only root" EPERM
	# The line must name what was asked for.
	has "and what it may not is named" "$said" "'12345'"
fi

if [ "$(id -u)" != 0 ] || ! present setpriv || ! setpriv --reuid=65534 --clear-groups true; then
	skip "all the rest" "needs root that may become somebody else, and setpriv"
	done_testing
fi
if ! id nobody >/dev/null 2>&1; then
	skip "all the rest" "there is no user 'nobody'"
	done_testing
fi

who='echo $(id -u) $(id -g) $(id -G | tr " " "\n" | sort -n)'
newline='
'

# as SENTENCE EXPECTED OPTION...: who the program is, as "UID GID GROUP...", sorted
as() {
	as_sentence=$1 as_expected=$2
	shift 2
	serve "$@" 127.0.0.1:0 -- sh -c "$who"
	is "$as_sentence" "$(ask)" "$as_expected"
	finish TERM
	is "$as_sentence: exit 0" "$status" 0
}

# The groups of a user of the database, sorted.
groups_of() {
	id -G "$1" | tr ' ' '\n' | sort -n | tr '\n' ' ' | sed 's/ $//'
}

# ------------------------------------------------------------------------------- who

nobody="$(id -u nobody) $(id -g nobody)"
as "--user by name" "$nobody $(groups_of nobody)" -u nobody
# By number, with what the database says of the user: one whose group is another number.
odd=$(awk -F: '$3 != $4 && $3 != 0 { print $1; exit }' /etc/passwd)
if [ -n "$odd" ]; then
	as "--user by name, its group is another number" \
		"$(id -u "$odd") $(id -g "$odd") $(groups_of "$odd")" -u "$odd"
	as "--user by number is the user of that number" \
		"$(id -u "$odd") $(id -g "$odd") $(groups_of "$odd")" -u "$(id -u "$odd")"
else
	skip "--user by number" "no user here has a group of another number"
fi
as "--user by a number that nobody has" "54321 54321 54321" -u 54321
as "--group by number instead" "54321 43210 43210" -u 54321 -g 43210
as "--group by name instead" "54321 $(getent group daemon | cut -d: -f3) $(getent group daemon |
	cut -d: -f3)" -u 54321 -g daemon
# The group of the user is not to stay as a supplementary one.
as "--group instead of the group of the user" "$(id -u nobody) 43210 43210" -u nobody -g 43210
as "--groups" "54321 54321 1001 1002 54321" -u 54321 -G 1002,1001
as "--groups '' is none" "$nobody $(id -g nobody)" -u nobody -G ''
as "--groups by name" "54321 43210 $(printf '%s\n' "$(getent group daemon | cut -d: -f3)" \
	"$(getent group bin | cut -d: -f3)" 43210 | sort -n | tr '\n' ' ' | sed 's/ $//')" \
	-u 54321 -g 43210 -G daemon,bin
as "--group alone: the user stays" "0 43210 43210" -g 43210

# Supplementary groups of the database: in one of our own.
if unshare -m true 2>/dev/null; then
	real=$HARK
	printf 'root:x:0:\ndaemon:x:1:\nmail:x:4242:other,nobody\nnews:x:4243:nobody\n' \
		>"$tap_dir/group"
	cat >"$tap_dir/elsewhere" <<-END
		#!/bin/sh
		exec unshare -m sh -c 'mount --bind "$tap_dir/group" /etc/group &&
			exec "\$0" "\$@"' "$real" "\$@"
	END
	chmod +x "$tap_dir/elsewhere"
	HARK=$tap_dir/elsewhere
	as "--user has the supplementary groups of the database" \
		"$nobody $(printf '%s\n' "$(id -g nobody)" 4242 4243 | sort -n | tr '\n' ' ' |
			sed 's/ $//')" -u nobody
	HARK=$real
else
	skip "--user has the supplementary groups of the database" "may not unshare"
fi

serve -u nobody 127.0.0.1:0 -- sed -n '/^Uid/p; /^Gid/p; /^CapPrm/p; /^CapEff/p' /proc/self/status
said=$(ask | tr '\t' ' ')
is "nothing is kept to come back with" "$said" "$(for id in $nobody; do echo "$id $id $id $id"; done |
	sed '1s/^/Uid: /; 2s/^/Gid: /')${newline}CapPrm: 0000000000000000${newline}CapEff: 0000000000000000"
is "nor by the server" "$(ps -o uid=,gid= -p "$server" | tr -s ' ' | sed 's/^ //')" "$nobody"
finish TERM

# ------------------------------------------------------------ what only root may open

# Nobody listens there; another may come first, so several tries.
floor=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
low=$floor
"$HARK" serve --help >/dev/null # in the cache
serve_low() {
	low=$((low - 1))
	[ -z "$(ss -ltnH "sport = :$low")" ] || return 1
	: >"$tap_dir/port"
	log=$tap_dir/log.low
	"$HARK" serve -1 -u nobody "127.0.0.1:$low" -- sh -c "$who" >"$tap_dir/port" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 low_is_up && [ -s "$tap_dir/port" ]
}
low_is_up() {
	[ -s "$tap_dir/port" ] || ! kill -0 "$server" 2>/dev/null
}
if [ "$floor" -gt 100 ]; then
	within 2 serve_low
	is "a port below $floor, as root; the program as nobody" "$(ask "$low")" \
		"$nobody $(groups_of nobody)"
	finish TERM
else
	skip "a port below the floor" "there is none: net.ipv4.ip_unprivileged_port_start is $floor"
fi

# -------------------------------------------------------------------------- refusals

serve 127.0.0.1:0 -- cat
taken=$port
finish TERM
# refuse SENTENCE OPTION...: $said, $code; and that nothing stays open.
refuse() {
	refuse_sentence=$1
	shift
	said=$("$HARK" serve "127.0.0.1:$taken" "unix:$tap_dir/sock" "$@" 2>&1 </dev/null)
	code=$?
	is "$refuse_sentence: the port is free again" "$(ss -ltnH "sport = :$taken")" ""
	is "$refuse_sentence: no file is left" "$(ls "$tap_dir/sock" 2>/dev/null)" ""
	rm -f "$tap_dir/sock"
}
refuse "an unknown user" -u no-such-user -- cat
refused "an unknown user" "hark: unknown user 'no-such-user'"
refuse "an unknown group" -g no-such-group -- cat
refused "an unknown group" "hark: unknown group 'no-such-group'"
refuse "an unknown supplementary group" -G daemon,no-such-group -- cat
refused "an unknown supplementary group" "hark: unknown group 'no-such-group'"
refuse "an empty user" -u '' -- cat
refused "an empty user" "user ''"
refuse "a number that is none" -u 4294967295 -- cat
refused "a number that is none" "'4294967295'"
refuse "a negative number" -u -1 -- cat
refused "a negative number" "'-1'"
refuse "a root that is not there" --chroot "$tap_dir/none" -- cat
refused "a root that is not there" "'$tap_dir/none'" ENOENT "does not exist"
refuse "a root that is a file" --chroot "$0" -- cat
refused "a root that is a file" "'$0'" ENOTDIR
mkdir "$tap_dir/empty"
refuse "a root without the program" --chroot "$tap_dir/empty" -- /bin/cat
refused "a root without the program" "'/bin/cat'" ENOENT

# The user who is to run it may not.
chmod 755 "$tap_dir"
cp "$(command -v cat)" "$tap_dir/for-root"
chmod 700 "$tap_dir/for-root"
refuse "a program that the user may not run" -u nobody -- "$tap_dir/for-root"
refused "a program that the user may not run" "'$tap_dir/for-root'" EACCES "by this user"
mkdir "$tap_dir/hidden"
cp "$(command -v cat)" "$tap_dir/hidden/cat"
chmod 700 "$tap_dir/hidden"
refuse "a program in a directory that is closed to the user" -u nobody -- "$tap_dir/hidden/cat"
refused "a program in a directory that is closed to the user" "'$tap_dir/hidden/cat'" EACCES

# ---------------------------------------------------------------- the end as somebody

# Files of sockets go at the end, where the user may remove them.
mkdir "$tap_dir/run"
chown nobody "$tap_dir/run"
serve -u nobody "unix:$tap_dir/run/sock" -- cat
finish TERM
is "the file of a socket goes at the end" "$status:$(ls "$tap_dir/run")" 0:

# -------------------------------------------------------------------------- --chroot

mkdir "$tap_dir/root"
chmod 755 "$tap_dir/root"
cat >"$tap_dir/static.c" <<'END'
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char where[1000] = "?";

	printf("%s %d %d\n", getcwd(where, sizeof(where)), (int)getuid(),
		access("/inside", F_OK));
	return 0;
}
END
# A sanitizer looks for leaks at the end, and for /proc to do so.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
if ${CC:-cc} -static -o "$tap_dir/root/program" "$tap_dir/static.c" 2>/dev/null &&
	"$tap_dir/root/program" >/dev/null; then
	: >"$tap_dir/root/inside"
	serve --chroot "$tap_dir/root" 127.0.0.1:0 -- /program
	is "--chroot: it runs in there" "$(ask)" "/ 0 0"
	finish TERM
	serve --chroot "$tap_dir/root" -u nobody 127.0.0.1:0 -- ./program
	is "--chroot and --user; a relative path is one in there" "$(ask)" \
		"/ $(id -u nobody) 0"
	finish TERM
	before=$PATH
	PATH=/nowhere:/:$PATH
	serve --chroot "$tap_dir/root" 127.0.0.1:0 -- program
	PATH=$before
	is "--chroot: PATH is searched in there" "$(ask)" "/ 0 0"
	finish TERM
	mkfifo "$tap_dir/port.fifo"
	"$HARK" serve -q -1 --chroot "$tap_dir/root" 127.0.0.1:0 -- /program >"$tap_dir/port.fifo" &
	server=$!
	tap_pids="$tap_pids $server"
	timeout 20 cat "$tap_dir/port.fifo" >"$tap_dir/said"
	is "--chroot: standard output ends behind the port, without a /dev/null in there" \
		"$?:$(kill -0 "$server" && wc -l <"$tap_dir/said" | tr -d ' ')" 0:1
	finish TERM
	serve --chroot "$tap_dir/root" "unix:$tap_dir/sock" -- /program
	finish TERM
	is "--chroot: the file of a socket outside is out of reach at the end" \
		"$status:$(ls "$tap_dir/sock" 2>/dev/null)" "0:$tap_dir/sock"
	serve --chroot "$tap_dir/root" "unix:$tap_dir/sock" -- /program
	is "and the next start replaces it" "$(nc.openbsd -N -U "$tap_dir/sock" </dev/null)" "/ 0 0"
	finish TERM
else
	skip "--chroot" "no static program can be made here"
fi

done_testing
