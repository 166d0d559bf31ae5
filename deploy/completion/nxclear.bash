# bash completion for nxclear. What may stand at the cursor is said by the
# program itself. Words are not expanded: names come from the network.
_nxclear() {
    local i word last tail rest=$COMP_LINE
    local -a words=()
    COMPREPLY=()
    # Bash parts words at : and =, too; what no blank parts is one.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i == 0 || $rest == [[:blank:]]* ]]; then
            words+=("$word")
        else
            words[-1]+=$word
        fi
        rest=${rest#"${rest%%[![:blank:]]*}"}
        rest=${rest:${#word}}
    done
    last=${words[-1]}
    if [[ $last == --*=* ]]; then
        last=${last#*=}
        words[-1]=${words[-1]%%=*}
        words+=("$last")
    fi
    # Only what follows the last such sign is replaced.
    tail=$word
    if [[ $word != "$last" && $word == *[:=] ]]; then
        tail=
    fi
    while IFS= read -r word; do
        if [[ $word == "$last"* ]]; then
            COMPREPLY+=("$(printf '%q' "${word#"${last%"$tail"}"}")")
        fi
    done < <("${COMP_WORDS[0]}" complete -- "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=/] ]]; then
        compopt -o nospace
    fi
}
complete -o default -F _nxclear nxclear
