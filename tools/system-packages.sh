#!/usr/bin/env bash
# The programs that tests marked `peer` talk to. Root on Debian installs what is missing; anybody else is told once.
set -uo pipefail
# program -> Debian package
wanted="mosquitto:mosquitto storescu:dcmtk Orthanc:orthanc chromium:chromium initdb:postgresql save2gdf:biosig-tools fc-list:fontconfig"
export PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)"
missing=()
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
fc-list 2>/dev/null | grep -qiE 'wqy|noto.*cjk' || missing+=(fonts-wqy-microhei)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "system-packages: installing ${missing[*]}" >&2
  # a program for tests, not a service: nothing is started
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.mobile-clinic && chmod +x /usr/sbin/policy-rc.d.mobile-clinic
  [ -e /usr/sbin/policy-rc.d ] || { ln -s policy-rc.d.mobile-clinic /usr/sbin/policy-rc.d; undo=1; }
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 \
    || echo "system-packages: apt-get could not install ${missing[*]}; their tests will skip" >&2
  [ -z "${undo:-}" ] || rm -f /usr/sbin/policy-rc.d
  rm -f /usr/sbin/policy-rc.d.mobile-clinic
else
  echo "system-packages: missing ${missing[*]}; their tests will skip. As root: apt-get install ${missing[*]}" >&2
fi
exit 0
