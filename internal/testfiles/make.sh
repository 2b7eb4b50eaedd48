#!/usr/bin/env bash
# Makes the test documents of this folder and the sample papers of the demo, with the programs that people's papers come from:
# LibreOffice, Ghostscript, Chromium's printing, libtiff for what a scanner stores, ImageMagick for what a phone photographs, ExifTool for what a phone adds.
# Run it on Debian 12 after: apt-get install libreoffice-writer chromium ghostscript libtiff-tools imagemagick libimage-exiftool-perl fonts-liberation fonts-urw-base35
# Dates are fixed afterwards, so that a second run on the same machine changes nothing; another version of a program may.
set -euo pipefail
cd "$(dirname "$0")"
papers=../../refserver/demo/papers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p files "$papers"

chrome() { chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
  --user-data-dir="$work/profile" "$@" >/dev/null 2>&1; }

# fixdates FILE: dates and random ids; the same length, so that no offset in the PDF moves.
fixdates() { LC_ALL=C sed -i -E "s/\(D:[0-9]{14}/(D:20260401120000/g; s/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}/2026-04-01T12:00:00/g
  s/<[0-9A-F]{32}>/<00000000000000000000000000000000>/g; s/DocChecksum \/[0-9A-F]{32}/DocChecksum \/00000000000000000000000000000000/; s/uuid:[0-9a-f-]{36}/uuid:00000000-0000-0000-0000-000000000000/" "$1"; }

# printed NAME: a paper as its office would send it.
printed() { chrome --no-pdf-header-footer --print-to-pdf="$2" "file://$PWD/source/$1.html"; fixdates "$2"; }

# photographed NAME FILE SEED ORIENTATION: the paper on a dark table, seen askew, in uneven light, as a cheap phone stores it.
photographed() {
  chrome --hide-scrollbars --window-size=794,1123 --force-device-scale-factor=1.6 --screenshot="$work/page.png" "file://$PWD/source/$1.html"
  convert -size 1200x1600 -seed "$3" plasma:gray-gray -colorspace gray -blur 2x6 -colorspace sRGB +level-colors '#3b2a1c','#8a6c4e' PNG24:"$work/table.png"
  convert "$work/page.png" -resize 1000x1414\! -bordercolor '#cfcfca' -border 2 -alpha set -virtual-pixel transparent \
    -background none -extent 1200x1600 -distort Perspective '0,0 118,104  1004,0 1064,142  1004,1418 1096,1498  0,1418 78,1460' "$work/sheet.png"
  convert "$work/table.png" \( "$work/sheet.png" -background black -shadow 60x12+10+14 \) -composite "$work/sheet.png" -composite \
    \( -size 1200x1600 gradient:'#ffffff-#a9a39a' -distort SRT 24 \) -compose multiply -composite \
    -seed "$3" -attenuate 0.12 +noise Gaussian -blur 0x0.6 -quality 62 -sampling-factor 4:2:0 "$work/photo.jpg"
  # The picture is stored turned, as phones do, and the tag says how to turn it back.
  case $4 in 6) convert "$work/photo.jpg" -rotate -90 -quality 62 "$2" ;; *) cp "$work/photo.jpg" "$2" ;; esac
  exiftool -q -overwrite_original -all= -Orientation#="$4" -Make=Exemple -Model='Téléphone d’exemple' -DateTimeOriginal='2026:04:01 12:00:00' \
    -XResolution=72 -YResolution=72 "$2"
}

# --- the sample papers of the demo -------------------------------------------------------------------------------------------
for name in attestation-domiciliation avis-imposition bulletin-de-paie attestation-droits-sante; do printed "$name" "$papers/$name.pdf"; done
photographed carte-identite "$papers/carte-identite.jpg" 11 1
photographed ordonnance "$papers/ordonnance.jpg" 12 6
photographed acte-naissance "$papers/acte-naissance.jpg" 13 1

# --- the test documents --------------------------------------------------------------------------------------------------------
# A letter from an office program, with text, a table and embedded fonts.
HOME="$work" soffice --headless --infilter='HTML (StarWriter)' --convert-to pdf:writer_pdf_Export --outdir "$work" source/letter.html >/dev/null 2>&1
cp "$work/letter.pdf" files/letter.pdf
fixdates files/letter.pdf

# One page of text from a PostScript printer.
gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=pdfwrite -dCompatibilityLevel=1.4 -sOutputFile=files/payment.pdf source/payment.ps
fixdates files/payment.pdf

# A phone photograph, stored turned by a quarter, with a thumbnail and the place where it was taken (Null Island: nobody lives there).
photographed attestation-domiciliation files/photo.jpg 21 6
convert files/photo.jpg -auto-orient -thumbnail 120x160 -quality 50 "$work/thumbnail.jpg"
exiftool -q -overwrite_original -GPSLatitude=0.0005 -GPSLatitudeRef=N -GPSLongitude=0.0005 -GPSLongitudeRef=E -GPSAltitude=0 -GPSAltitudeRef=0 \
  "-ThumbnailImage<=$work/thumbnail.jpg" files/photo.jpg

# A screenshot with transparency and a text chunk.
convert -size 320x200 xc:none -seed 31 -fill '#2a4d8f' -draw 'roundrectangle 10,10 310,190 20,20' -fill white -pointsize 26 -font Liberation-Sans \
  -gravity center -annotate 0 "Rendez-vous\nexemple" -strip -set comment 'exemple' "$work/appointment.png"
convert "$work/appointment.png" -define png:exclude-chunks=date,time -define png:compression-level=9 files/appointment.png

# A file of a hundred pages from an office scanner: black and white pictures of pages (CCITT G4), no text in it.
gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=tiffg4 -r75 -sPAPERSIZE=a4 -sOutputFile="$work/scan.tif" source/scan.ps
tiff2pdf -p A4 -o files/scan-100-pages.pdf "$work/scan.tif"
fixdates files/scan-100-pages.pdf

ls -l files "$papers"
