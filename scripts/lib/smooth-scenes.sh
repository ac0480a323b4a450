# Sourced by scripts that need many scenes and no real ones: 1,024 × 1,024 pixels of smooth noise at 10 m.
# shellcheck shell=bash

make_picture() { # FILE
    { printf 'P6\n64 64\n255\n'; head -c $((64 * 64 * 3)) /dev/urandom; } >"$1.ppm"
    gdal_translate -q -outsize 1024 1024 -r cubic -co TILED=YES -co COMPRESS=DEFLATE "$1.ppm" "$1"
    rm "$1.ppm"
}

place_picture() { # PICTURE NUMBER FILE: beside the one of the number before
    gdal_translate -q -co TILED=YES -co COMPRESS=DEFLATE -a_srs EPSG:32633 -a_ullr $((200000 + $2 * 10240)) 5000000 $((210240 + $2 * 10240)) 4989760 "$1" "$3"
}
