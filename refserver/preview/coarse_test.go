package preview

import (
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is averaged first looks like what is not, whatever a camera does with colours and
// however odd its sides are.
func TestAPhotoThatIsAveragedFirstLooksTheSame(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		for _, size := range []image.Rectangle{image.Rect(0, 0, 1501, 1003), image.Rect(0, 0, 702, 2201), image.Rect(0, 0, 1440, 40)} {
			large := painted(size, ratio)
			small := coarse(large)
			require.Less(t, small.Bounds().Dx(), large.Bounds().Dx())
			want, got := scale(large, MaxSide), scale(small, MaxSide)
			require.InDelta(t, want.Rect.Dx(), got.Rect.Dx(), 1)
			require.InDelta(t, want.Rect.Dy(), got.Rect.Dy(), 1)
			for y := range min(want.Rect.Dy(), got.Rect.Dy()) {
				for x := range min(want.Rect.Dx(), got.Rect.Dx()) {
					a, b := want.RGBAAt(x, y), got.RGBAAt(x, y)
					require.InDelta(t, a.R, b.R, 12, "%v %v: red at %d, %d", ratio, size, x, y)
					require.InDelta(t, a.G, b.G, 12, "%v %v: green at %d, %d", ratio, size, x, y)
					require.InDelta(t, a.B, b.B, 12, "%v %v: blue at %d, %d", ratio, size, x, y)
				}
			}
		}
	}
	for _, kept := range []image.Image{painted(image.Rect(0, 0, 1439, 700), image.YCbCrSubsampleRatio420), painted(image.Rect(0, 0, 9000, 47), image.YCbCrSubsampleRatio420), image.NewGray(image.Rect(0, 0, 3000, 2000))} {
		require.Same(t, kept, coarse(kept), "it is small enough, too thin, or no photo")
	}
}

// painted changes its colours slowly from one side to the other.
func painted(size image.Rectangle, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	m := image.NewYCbCr(size, ratio)
	for y := range size.Dy() {
		for x := range size.Dx() {
			across, down := byte(x*255/size.Dx()), byte(y*255/size.Dy())
			m.Y[m.YOffset(x, y)], m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = color.RGBToYCbCr(across, down, 255-across)
		}
	}
	return m
}
