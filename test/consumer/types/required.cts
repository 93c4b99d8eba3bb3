import gradiograph = require('gradiograph');
import data = require('gradiograph/data');
import explain = require('gradiograph/explain');
import mura = require('gradiograph/mura');
import train = require('gradiograph/train');

const x: gradiograph.Tensor = gradiograph.tensor([1, 2]);
export const dataset: Promise<data.Dataset> = data.TensorDataset.of(x, x);
export const region: mura.Region = mura.REGIONS[0];
export const { fit } = train;
export const { gradCam } = explain;
