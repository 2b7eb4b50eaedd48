package preview

import "image"

// enough is how many pixels a side are left for the filter, which makes a good picture
// of them and takes as long for each pixel as decoding it did.
const enough = 3 * MaxSide

// coarse makes a photo smaller by averaging squares of it, in its own colours. Whoever
// adds a photo waits for its small picture, and of one from a good phone this takes a
// third of the wait away.
func coarse(large image.Image) image.Image {
	m, isPhoto := large.(*image.YCbCr)
	if !isPhoto {
		return large
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	k := max(w, h) / enough
	if k < 2 || min(w, h) < 4*k { // of colours there may be a quarter as many, which must be a square
		return large
	}
	small := image.NewYCbCr(image.Rect(0, 0, w/k, h/k), m.SubsampleRatio)
	average(plane{small.Y, small.YStride}, plane{m.Y, m.YStride}, k)
	average(plane{small.Cb, small.CStride}, plane{m.Cb, m.CStride}, k)
	average(plane{small.Cr, small.CStride}, plane{m.Cr, m.CStride}, k)
	return small
}

// plane is one of the three parts of a photo, row after row.
type plane struct {
	bytes  []byte
	stride int
}

// average fills a plane with the averages of the squares of another, k pixels a side. At
// the right and at the bottom, where colours are fewer than their squares, it takes the
// last there are.
func average(to, from plane, k int) {
	rows := len(from.bytes) / from.stride
	sums := make([]int, to.stride)
	for y := range len(to.bytes) / to.stride {
		clear(sums)
		for dy := range k {
			row := from.bytes[min(y*k+dy, rows-1)*from.stride:][:from.stride]
			for x := range sums {
				begin := min(x*k, len(row)-k)
				for _, b := range row[begin : begin+k] {
					sums[x] += int(b)
				}
			}
		}
		for x, sum := range sums {
			to.bytes[y*to.stride+x] = byte(sum / (k * k))
		}
	}
}
