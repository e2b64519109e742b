#!/bin/sh
# sshd -i: commands, a megabyte there and back, files, and a session that outlives the
# server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
for command in sshd ssh sftp scp ssh-keygen; do
	if ! present "$command"; then
		skip "sshd" "$command is not installed"
		done_testing
	fi
done
# It executes itself again, and asks for its whole name to do so.
sshd=$(command -v sshd)

# Who logs in is who runs this: nobody else needs to exist.
entry=$(getent passwd "$(id -u)")
if [ -z "$entry" ]; then
	skip "sshd" "user $(id -u) has no name here"
	done_testing
fi
user=${entry%%:*} shell=${entry##*:}
case $(getent shadow "$user" 2>/dev/null) in
"$user:!"*)
	skip "sshd" "the account $user is locked, which sshd without PAM respects"
	done_testing
	;;
esac

for key in host user; do
	ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$tap_dir/$key"
done
# With a home of its own, so that no shell reads what its user keeps in his.
cat >"$tap_dir/sshd_config" <<-END
	HostKey $tap_dir/host
	AuthorizedKeysFile $tap_dir/user.pub
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	StrictModes no
	UsePAM no
	UseDNS no
	PidFile none
	SetEnv HOME=$tap_dir
	Subsystem sftp internal-sftp
END

# sshd has an empty directory to confine itself to, which on some systems the boot makes
# and not the package.  Root can have one that nobody else sees.
if ! "$sshd" -t -f "$tap_dir/sshd_config" 2>"$tap_dir/err"; then
	reason=$(tr -d '\r' <"$tap_dir/err" | head -n 1)
	empty=${reason#Missing privilege separation directory: }
	case $empty in
	/run/* | /var/run/*)
		if [ -z "${HARK_OWN_RUN:-}" ] && unshare -m sh -c \
			'mount -t tmpfs tmpfs /run && test -x "$HARK" && test -d "$1"' \
			sh "$tap_dir" 2>/dev/null; then
			HARK_OWN_RUN=1 unshare -m sh -c 'mount -t tmpfs tmpfs /run &&
				mkdir -p -m 755 "$1" && sh "$0"' "$0" "$empty"
			exit
		fi
		;;
	esac
	skip "sshd" "$reason"
	done_testing
fi

serve 127.0.0.1:0 -- "$sshd" -i -e -f "$tap_dir/sshd_config"

echo "[127.0.0.1]:$port $(cat "$tap_dir/host.pub")" >"$tap_dir/known_hosts"
cat >"$tap_dir/ssh_config" <<-END
	Host there
	HostName 127.0.0.1
	Port $port
	User $user
	IdentityFile $tap_dir/user
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile $tap_dir/known_hosts
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	BatchMode yes
	LogLevel ERROR
END
there() {
	timeout 60 ssh -F "$tap_dir/ssh_config" there "$@"
}
# said FILE: what sshd said there, but for a complaint of a home that its user lacks
said() {
	grep -v '^Could not chdir to home directory' "$1"
}
head -c 1000000 /dev/urandom >"$tap_dir/large"

# The server's own part of sftp asks for no shell.
printf '%s\n' "put $tap_dir/large $tap_dir/up" "get $tap_dir/up $tap_dir/down" |
	timeout 60 sftp -q -b - -F "$tap_dir/ssh_config" there >"$tap_dir/out" 2>&1
is "sftp ends well" $? 0
cmp "$tap_dir/large" "$tap_dir/up"
is "and 1 MB has arrived as it was" $? 0
cmp "$tap_dir/large" "$tap_dir/down"
is "and come back" $? 0
has "the daemon's log is the server's standard error, and has the address" "$(cat "$log")" \
	"Accepted publickey for $user from 127.0.0.1 port "

case $shell in
*/nologin | */false)
	skip "commands over ssh" "the shell of $user is $shell"
	within 10 childless
	is "no process is left of all these" $? 0
	finish TERM
	is "SIGTERM: exit 0" "$status" 0
	done_testing
	;;
esac

there echo ohai >"$tap_dir/out" 2>&1
is "a command is executed" "$(said "$tap_dir/out")" ohai
there 'echo out; echo err >&2; exit 7' >"$tap_dir/out" 2>"$tap_dir/err"
is "its exit code comes back" $? 7
is "and its standard output" "$(cat "$tap_dir/out")" out
is "and its standard error, apart" "$(said "$tap_dir/err")" err
# shellcheck disable=SC2046
set -- $(there 'echo $SSH_CONNECTION')
is "sshd knows both addresses of the connection" "$#: ${1-} ${3-} ${4-}" \
	"4: 127.0.0.1 127.0.0.1 $port"

there cat <"$tap_dir/large" >"$tap_dir/back" 2>"$tap_dir/err"
is "1 MB there and back ends well" "$?: $(said "$tap_dir/err")" "0: "
cmp "$tap_dir/large" "$tap_dir/back"
is "and is as it was" $? 0

rm -f "$tap_dir/up" "$tap_dir/down"
timeout 60 scp -q -F "$tap_dir/ssh_config" "$tap_dir/large" "there:$tap_dir/up" &&
	timeout 60 scp -q -F "$tap_dir/ssh_config" "there:$tap_dir/up" "$tap_dir/down"
is "scp up and down ends well" $? 0
cmp "$tap_dir/large" "$tap_dir/down"
is "and has brought everything as it was" $? 0

clients=
for i in 1 2 3 4; do
	there "echo client $i" >"$tap_dir/several.$i" 2>&1 &
	clients="$clients $!"
done
for client in $clients; do
	wait "$client"
done
is "four sessions at once" "$(cat "$tap_dir"/several.* | said -)" "client 1
client 2
client 3
client 4"
within 10 childless
is "no process is left of all these" $? 0

# A session in progress.
mkfifo "$tap_dir/in"
there cat <"$tap_dir/in" >"$tap_dir/out" 2>"$tap_dir/err" &
client=$!
exec 3>"$tap_dir/in"
(echo first >&3)
within 20 grep -q first "$tap_dir/out"
is "a session is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
there true >"$tap_dir/refused" 2>&1
is "nobody new is served" $? 255
cat "$tap_dir/large" >&3
exec 3>&-
wait "$client"
is "the session in progress ends well" "$?: $(said "$tap_dir/err")" "0: "
(echo first; cat "$tap_dir/large") | cmp - "$tap_dir/out"
is "and 1 MB went there and back after the server's end" $? 0

done_testing
