// Beside what jupyter-builder sets: modules are numbered in their order. The numbers it would give by itself depend on
// the folder that the build runs in, and the bundles are to be the same wherever they are built.
module.exports = { optimization: { moduleIds: 'natural', chunkIds: 'natural' } };
