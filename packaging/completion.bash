# SPDX-License-Identifier: Apache-2.0
# Completion of weir's own command line for bash.
_weir() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
        -c | --nginx | --haproxy | -e | --pid | ir) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        -p) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        -s) mapfile -t COMPREPLY < <(compgen -W 'stop quit reload reopen' -- "$word") ;;
        --format) mapfile -t COMPREPLY < <(compgen -W 'text json man bash' -- "$word") ;;
        keywords) mapfile -t COMPREPLY < <(compgen -W 'nginx haproxy --format' -- "$word") ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W 'ir keywords demo ping warm help -c --nginx --haproxy -p -g
                -e -t -tt -T -s -q --offline --format --pid -D -v -V -h' -- "$word")
            ;;
    esac
}
complete -o filenames -F _weir weir
