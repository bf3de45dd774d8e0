/** What people say in the demo shop: stars, headline, text. */
export const opinions = [
  [5, 'Exactly what I wanted', 'It feels as good as it looks. I have ordered a second one.'],
  [4, 'Very good', 'Well made and quickly delivered. The colour is a little darker than in the picture.'],
  [5, 'A present that was kept', 'My sister does not want to give it back.'],
  [3, 'Fine for the price', 'Nothing wrong with it, nothing special about it.'],
  [4, null, 'In use every day for three months now, and it shows no wear.'],
  [2, 'Not for me', 'The quality is right, but I expected it to be larger.'],
  [5, 'Worth every cent', null],
] as const

/** Who says it, beside Alice and Bob. */
export const strangers = ['reviewer-1', 'reviewer-2', 'reviewer-3'] as const
