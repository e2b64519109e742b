#!/bin/sh
# tools/deps on machines that lack something: a path with nothing but what stands for such a
# machine.  Nothing is installed: the package manager and whoever becomes root are stand-ins,
# who write down how they were called.
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# tools/deps looks there as well, and on some systems that is where everything is.
if [ -e /usr/sbin/sh ] || [ -e /usr/local/sbin/sh ]; then
	skip "what is missing is told" "this system has all commands in /usr/sbin"
	done_testing
fi

shell=$(command -v sh)
machine=$tap_dir/machine
calls=$tap_dir/calls
mkdir "$machine"
ln -s "$(command -v sed)" "$machine/sed"

# has_command NAME BODY: what this machine does when NAME is called.
has_command() {
	printf '#!%s\n%s\n' "$shell" "$2" >"$machine/$1"
	chmod 755 "$machine/$1"
}

# deps LEVEL: on that machine; what it says is in said, its exit code in code.
deps() {
	: >"$calls"
	said=$(PATH=$machine CALLS=$calls "$shell" "$HARK_SOURCE/tools/deps" "$1" 2>&1)
	code=$?
}

has_command id 'echo 1000'
has_command apt-get 'echo "apt-get $*" >>"$CALLS"'

# Whoever copies the line must get it through the shell in one piece.
by_hand() {
	line=$(printf '%s\n' "$said" | sed -n 's/^    //p')
	(PATH=$machine CALLS=$calls && export PATH CALLS && eval "$line")
}

deps run
is "a user without sudo: exit code" "$code" 1
has "a user without sudo is told su" "$said" "    su -l -c 'apt-get update -q && "
has_command su '[ "$1 $2" = "-l -c" ] && [ $# = 3 ] && eval "$3"'
by_hand
has "and the line does it" "$(cat "$calls")" "apt-get update -q" "apt-get install -qy" " meson"

has_command sudo '[ "$1" != -n ] && "$@"'
ln -s "$shell" "$machine/sh"
deps run
is "a user whose sudo wants a password: exit code" "$code" 1
has "a user whose sudo wants a password is told sudo" "$said" \
	"    sudo sh -c 'apt-get update -q && "
by_hand
has "and that line does it, too" "$(cat "$calls")" "apt-get update -q" "apt-get install -qy" " meson"

has_command sudo '[ "$1" != -n ] || shift; "$@"'
[ -e "$machine/true" ] || ln -s "$(command -v true)" "$machine/true"
deps run
is "by a sudo that asks nothing it is done: exit code" "$code" 0
has "by a sudo that asks nothing it is done" "$(cat "$calls")" "apt-get install -qy" " meson"

# What /usr/include has is the machine's own: a table where a command alone is missing.
sed -e '/^run   \//d' "$HARK_SOURCE/tools/deps" >"$tap_dir/deps"
for present in cc meson ninja; do
	has_command "$present" ''
done
: >"$calls"
PATH=$machine CALLS=$calls "$shell" "$tap_dir/deps" run 2>/dev/null
is "the client to try with is installed by make run: exit code" $? 0
has "the client to try with is installed by make run" "$(cat "$calls")" \
	"apt-get install -qy" " netcat-openbsd"
has_command sudo 'exit 1'
PATH=$machine CALLS=$calls "$shell" "$tap_dir/deps" run 2>/dev/null
is "where nothing may be installed it goes on without" $? 0
PATH=$machine CALLS=$calls "$shell" "$tap_dir/deps" test 2>/dev/null
is "but make test needs it" $? 1

done_testing
