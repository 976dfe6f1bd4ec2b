/** What each shell needs to ask `leindex-reloader __complete` for candidates: lines, then `:DIRECTIVE` (0: files too). */
export const completionScripts = {
  bash: script`# bash completion of leindex-reloader: source <(leindex-reloader completion bash)
_leindex_reloader() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() count=0 i trimmed word current strip= candidate file
  COMPREPLY=()
  # bash breaks words at = and : too; put together again what stands together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    trimmed=\${line#"\${line%%[![:space:]]*}"}
    if ((i == COMP_CWORD)); then word=$trimmed; else word=\${COMP_WORDS[i]}; fi
    if ((i > 0)) && [[ -n $word && $line == "$trimmed" ]]; then
      words[count - 1]+=$word
    else
      words[count]=$word
      count=$((count + 1))
    fi
    line=\${trimmed#"$word"}
  done
  current=\${words[count - 1]}
  case $COMP_WORDBREAKS in
    *=*:* | *:*=*) strip=\${current%"\${current##*[=:]}"} ;;
    *=*) strip=\${current%"\${current##*=}"} ;;
  esac
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :0)
        compopt -o filenames 2>/dev/null
        while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "\${current#"$strip"}")
        ;;
      :*) ;;
      *) COMPREPLY+=("$(printf '%q' "\${candidate#"$strip"}")") ;;
    esac
  done < <("\${words[0]/#\~/$HOME}" __complete "\${words[@]:1:count-1}" 2>/dev/null)
}
complete -o nosort -F _leindex_reloader leindex-reloader 2>/dev/null || complete -F _leindex_reloader leindex-reloader
`,

  zsh: script`#compdef leindex-reloader
# zsh completion of leindex-reloader: source <(leindex-reloader completion zsh), after compinit
_leindex_reloader() {
  local -a typed answer candidates
  local line directive=4
  typed=("\${(@Q)words[2,CURRENT-1]}")
  answer=("\${(@f)$("\${(Q)words[1]/#\~/$HOME}" __complete $typed "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in $answer; do
    case $line in
      :<->) directive=\${line#:} ;;
      *$'\t'*) candidates+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}") ;;
      *) candidates+=("\${line//:/\\:}") ;;
    esac
  done
  ((\${#candidates})) && _describe -V 'leindex-reloader' candidates
  ((directive == 0)) && _files
  return 0
}
if [[ $funcstack[1] == _leindex_reloader ]]; then _leindex_reloader; else compdef _leindex_reloader leindex-reloader; fi
`,

  fish: script`# fish completion of leindex-reloader: leindex-reloader completion fish | source
function __leindex_reloader_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l program $typed[1]
    set -e typed[1]
    for line in ($program __complete $typed "$current" 2>/dev/null)
        switch $line
            case ':0'
                __fish_complete_path "$current"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c leindex-reloader -e
complete -c leindex-reloader -k -f -a '(__leindex_reloader_complete)'
`,
} as const;

/** A template that takes nothing in: its backslashes stay, and `\${` is the shell's. */
function script({ raw }: TemplateStringsArray): string {
  return raw.join('').replaceAll('\\${', '${');
}
