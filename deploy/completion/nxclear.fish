# fish completion for nxclear. What may stand at the cursor is said by the
# program itself.
function __nxclear_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c nxclear -f -a '(__nxclear_complete)'
complete -c nxclear -n '__fish_seen_subcommand_from estimate replay' -F
complete -c nxclear -n '__fish_seen_subcommand_from evidence' -s o -l output -r -F
