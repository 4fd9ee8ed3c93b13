# Runs in a container of the node image, with containerd's store on a volume below /bake.
#
# A store as it is would be copied into the volume of every node that is made. So what is large in it, layers and blobs, goes to a
# folder of the image, and links to it stay behind: a node reads them where they are, and copies only the links.
set -eu
store=/bake/containerd
layers=$store/io.containerd.snapshotter.v1.overlayfs/snapshots
blobs=$store/io.containerd.content.v1.content/blobs/sha256
keep=/tstack.dev/store

# A layer that takes away what is below it does so with device files and attributes that an image cannot hold. Images with such a
# layer are kept packed: the node unpacks them when it first needs them.
takes_away() {
  [ -n "$(find "$1/fs" -type c -print -quit)" ] ||
    find "$1/fs" -type d -print0 | tar --xattrs --xattrs-include='trusted.overlay.*' --null -T - --no-recursion -cf - 2> /dev/null |
    grep -aq 'trusted.overlay.opaque'
}
unfit=" "
for layer in "$layers"/*; do
  if takes_away "$layer"; then unfit="$unfit${layer##*/} "; fi
done
if [ "$unfit" != " " ]; then
  unpacked=
  for key in $(ctr -n k8s.io snapshots ls | awk 'NR > 1 { print $1 }'); do
    for number in $(ctr -n k8s.io snapshots view --mounts tstack-look "$key" | grep -o 'snapshots/[0-9]*' | cut -d/ -f2); do
      case $unfit in *" $number "*) unpacked="$unpacked $key"; break ;; esac
    done
    # containerd may have cleared it away already: nothing refers to it
    ctr -n k8s.io snapshots rm tstack-look 2> /dev/null || true
  done
  # one that another stands on goes after that
  while [ -n "$unpacked" ]; do
    left=
    for key in $unpacked; do
      ctr -n k8s.io snapshots rm "$key" 2> /dev/null ||
        ! ctr -n k8s.io snapshots info "$key" > /dev/null 2>&1 || left="$left $key"
    done
    [ "$left" != "$unpacked" ] || { echo "cannot remove the layers$left" >&2; exit 1; }
    unpacked=$left
  done
fi

kill "$(cat /bake/pid)"
# written when containerd has ended
cat /bake/ended > /dev/null
# what nothing refers to any more it removes later than we can wait for
for number in $unfit; do rm -rf "${layers:?}/$number"; done

mkdir -p "$keep/layers" "$keep/blobs"
move() { # FROM... FOLDER
  for one in "$1"/*; do
    cp -a "$one" "$2/"
    rm -rf "$one"
    ln -s "$2/${one##*/}" "$one"
  done
}
move "$layers" "$keep/layers"
move "$blobs" "$keep/blobs"
rm -rf /var/lib/containerd /run/containerd
cp -a "$store" /var/lib/containerd
