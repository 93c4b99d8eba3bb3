/**
 * GLSL ES 3.00 that stands between gpu.js's helpers and a kernel, in place of two of them that divide integers in
 * every fetch and every thread, which no GPU has an instruction for. Texture widths are powers of two.
 *
 * The float quotient of a natural number below `count` by b is off by less than one where it stays below 2^20, and
 * right at once where a does. All but `a` are literals in the end: the branches are decided at compile time.
 */
export const PRELUDE = `
vec4 texelOf(sampler2D values, ivec2 size, int i) {
  int column = i & (size.x - 1);
  return texture(values, (vec2(column, float(i - column) / float(size.x)) + 0.5) / vec2(size));
}
float valueOf(sampler2D values, ivec2 size, int i) {
  vec4 texel = texelOf(values, size, i >> 2);
  int lane = i & 3;
  return lane < 2 ? (lane == 0 ? texel.r : texel.g) : (lane == 2 ? texel.b : texel.a);
}
int quotientOf(int a, int b, int count) {
  if (count / b > 1048576) return a / b;
  int q = int((float(a) + 0.5) / float(b));
  if (count <= 1048576) return q;
  int rest = a - q * b;
  return rest < 0 ? q - 1 : (rest < b ? q : q + 1);
}
ivec3 threadOf(int i, ivec3 size) {
  if (size.y * size.z == 1) return ivec3(i, 0, 0);
  int row = quotientOf(i, size.x, size.x * size.y * size.z);
  int z = size.z == 1 ? 0 : quotientOf(row, size.y, size.y * size.z);
  return ivec3(i - row * size.x, row - z * size.y, z);
}
#define getVec4FromSampler2D(values, size, dim, c, b, a) texelOf(values, size, (a) + dim.x * ((b) + dim.y * (c)))
#define getMemoryOptimized32(values, size, dim, c, b, a) valueOf(values, size, (a) + dim.x * ((b) + dim.y * (c)))
#define indexTo3D(i, size) threadOf(i, size)
`;
