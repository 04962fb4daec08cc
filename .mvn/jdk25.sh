# Finds a JDK 25 and exports JAVA_HOME; sourced by ./mvnw and ./coda (POSIX sh, also under `set -euf`).
#
# Takes CODA_JAVA_HOME where it is set. Otherwise looks at JAVA_HOME, JAVA_HOME_25_X64 and JAVA_HOME_25_ARM64, the javac on PATH, then the folders
# where installers put JDKs. It reads each candidate's `release` file, so no JVM is started. Without a JDK 25 it says
# how to get one and ends the calling script with status 1.
#
# CODA_JDK_SEARCH, a list of folders separated by ':', replaces the installers' folders; each is taken as the parent
# of JDKs. It is for JDKs in unusual places, and for testing the search (CODA_JDK_SEARCH=/nowhere).

# True when $1 is the home of a JDK 25; otherwise notes in coda_seen what was there.
coda_is_jdk25() {
    [ -n "$1" ] && [ -r "$1/release" ] && [ -x "$1/bin/javac" ] || return 1
    coda_version=
    while IFS='=' read -r coda_key coda_value || [ -n "$coda_key" ]; do
        if [ "$coda_key" = JAVA_VERSION ]; then
            coda_version=${coda_value#\"}
            coda_version=${coda_version%%\"*}
        fi
    done <"$1/release"
    case $coda_version in
    25 | 25.* | 25-* | 25+*) return 0 ;;
    esac
    coda_seen="${coda_seen}  found ${coda_version:-an unknown version} in $1
"
    return 1
}

# True when $1, or the JDK inside a macOS bundle $1, is a JDK 25; then coda_jdk is its home.
coda_take() {
    for coda_home in "$1" "$1/Contents/Home"; do
        if coda_is_jdk25 "$coda_home"; then
            coda_jdk=$coda_home
            return 0
        fi
    done
    return 1
}

# The home of the javac on PATH, behind any symbolic links; nothing when there is none.
coda_path_home() {
    coda_link=$(command -v javac) || return 0
    while [ -L "$coda_link" ]; do
        coda_target=$(readlink "$coda_link")
        case $coda_target in
        /*) coda_link=$coda_target ;;
        *) coda_link=${coda_link%/*}/$coda_target ;;
        esac
    done
    CDPATH= cd -P -- "${coda_link%/*}/.." 2>/dev/null && pwd
}

coda_in_folders() {
    if [ -n "${CODA_JDK_SEARCH-}" ]; then
        coda_folders=$CODA_JDK_SEARCH
    else
        coda_user=${HOME:-/nonexistent}
        coda_folders=${SDKMAN_CANDIDATES_DIR:-$coda_user/.sdkman/candidates}/java:$coda_user/.jdks
        coda_folders=$coda_folders:${MISE_DATA_DIR:-$coda_user/.local/share/mise}/installs/java
        coda_folders=$coda_folders:${ASDF_DATA_DIR:-$coda_user/.asdf}/installs/java:$coda_user/.jbang/cache/jdks
        coda_folders=$coda_folders:/usr/lib/jvm:/usr/java:/opt:/opt/java
        coda_folders=$coda_folders:/Library/Java/JavaVirtualMachines:$coda_user/Library/Java/JavaVirtualMachines
        coda_folders=$coda_folders:/opt/homebrew/opt/openjdk@25/libexec:/usr/local/opt/openjdk@25/libexec
    fi
    while [ -n "$coda_folders" ]; do
        coda_folder=${coda_folders%%:*}
        case $coda_folders in
        *:*) coda_folders=${coda_folders#*:} ;;
        *) coda_folders= ;;
        esac
        for coda_candidate in "$coda_folder"/*; do
            if coda_take "$coda_candidate"; then return 0; fi
        done
    done
    return 1
}

coda_find_jdk() {
    coda_seen=
    if [ -n "${CODA_JAVA_HOME-}" ]; then
        coda_take "$CODA_JAVA_HOME" && return 0
        coda_seen="${coda_seen}  CODA_JAVA_HOME is $CODA_JAVA_HOME, so no other place was looked at
"
        return 1
    fi
    for coda_named in "${JAVA_HOME-}" "${JAVA_HOME_25_X64-}" "${JAVA_HOME_25_ARM64-}"; do
        if coda_take "$coda_named"; then return 0; fi
    done
    if coda_take "$(coda_path_home)"; then return 0; fi
    coda_in_folders
}

coda_say_how() {
    cat <<END
coda4j needs JDK 25 and none was found.
${coda_seen}
Install one:
  Debian, Ubuntu   apt install openjdk-25-jdk   (where the release has it; else temurin-25-jdk from Eclipse Adoptium)
  Fedora           dnf install java-25-openjdk-devel
  Arch             pacman -S jdk25-openjdk
  macOS            brew install openjdk@25
  Windows          winget install EclipseAdoptium.Temurin.25.JDK
  any, by SDKMAN   sdk install java 25-tem
or, if it is installed already, say where it is:
  export CODA_JAVA_HOME=/path/to/jdk-25
END
}

# The search needs file name patterns, which a caller may have switched off.
case $- in
*f*) coda_patterns=off && set +f ;;
*) coda_patterns=on ;;
esac
if ! coda_find_jdk; then
    coda_say_how >&2
    exit 1
fi
[ "$coda_patterns" = on ] || set -f
JAVA_HOME=$coda_jdk
export JAVA_HOME
