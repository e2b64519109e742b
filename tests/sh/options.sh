#!/bin/sh
# One table of options: what the parser reads, --help, the manual and the completions of
# three shells agree.  K7
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

man=$HARK_BUILD/man/hark-serve.1
if ! [ -e "$man" ]; then
	skip "the lists agree" "built without the manual"
	done_testing
fi

"$HARK" serve --help | grep -o '^  \(-., \|    \)--[a-z-]*' | grep -o -e '--.*' |
	sort >"$tap_dir/help"
sed -n 's/^\.It .*Fl -\([a-z-]*\).*/--\1/p' "$man" | sort >"$tap_dir/man"
is "there are options" "$([ "$(wc -l <"$tap_dir/help")" -gt 20 ] && echo many)" many
is "the manual lists what --help does" "$(cat "$tap_dir/man")" "$(cat "$tap_dir/help")"

# Each is known: what fails is its missing or needless argument, or what is missing behind.
unknown=
while read -r option; do
	case $("$HARK" serve "$option" 2>&1) in
	*"unknown option"*) unknown="$unknown $option" ;;
	esac
done <"$tap_dir/help"
is "the parser knows each of them" "$unknown" ""

if present bash; then
	cat >"$tap_dir/complete" <<-'END'
		. "$HARK_BUILD/man/hark"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_hark
		printf '%s\n' "${COMPREPLY[@]}"
	END
	bash_completes() {
		bash "$tap_dir/complete" "$@"
	}
	is "bash completes every option" \
		"$(bash_completes hark serve -- | grep -e '^--.' | sort)" \
		"$(cat "$tap_dir/help")"
	has "bash completes the command" "$(bash_completes hark s)" serve
	is "bash completes another command" "$(bash_completes hark stop --c)" --control
	is "bash completes an option" "$(bash_completes hark serve --ech)" --echo
	is "bash completes a user" "$(bash_completes hark serve -u nobod)" nobody
	has "bash completes an option without the command" \
		"$(bash_completes hark 4481 --disc)" --discard
	has "bash completes the program behind the separator" \
		"$(bash_completes hark 4481 -- env)" env
	is "bash completes no option behind it" "$(bash_completes hark 4481 -- --ech)" ""
else
	skip "bash completes" "bash is not installed"
fi

if present zsh; then
	sed '/^_hark_status/,$d' "$HARK_BUILD/man/_hark" |
		sed -n "s/.*\(--[a-z-]*\)[}']*'*\[.*/\1/p" | sort >"$tap_dir/zsh"
	is "zsh's list is the same" "$(cat "$tap_dir/zsh")" "$(cat "$tap_dir/help")"
	zsh -n "$HARK_BUILD/man/_hark"
	is "and zsh can read it" $? 0
else
	skip "zsh completes" "zsh is not installed"
fi

if present fish; then
	fish_completes() {
		HOME=$tap_dir XDG_CONFIG_HOME=$tap_dir XDG_DATA_HOME=$tap_dir fish --no-config \
			-c "source '$HARK_BUILD/man/hark.fish'; complete -C '$1'" 2>&1
	}
	is "fish completes every option" \
		"$(fish_completes 'hark serve --' | cut -f 1 | sort)" "$(cat "$tap_dir/help")"
	has "fish completes the command, and says what it is for" \
		"$(fish_completes 'hark ser')" serve "on a port"
	has "fish completes an option" "$(fish_completes 'hark serve --ech')" --echo
	has "fish completes the program behind the separator" \
		"$(fish_completes 'hark 4481 -- env')" env
else
	skip "fish completes" "fish is not installed"
fi

"$HARK" serve --help | awk 'length > 80 { exit 1 }'
is "no line of --help is wider than a terminal" $? 0
done_testing
