# mmsegmentation 1.x: `_base_ = ["path/to/mmseg_config.py"]`, or copy what you need. mmengine puts
# this file's folder for {{ fileDirname }}.
data_root = "{{ fileDirname }}"
metainfo = dict(classes=("background", "person"), palette=[[0, 0, 0], [0, 192, 96]])
# Pixels of this value count neither in loss nor in metric. It is the default of decode heads and
# of IoUMetric; a loss or metric of your own needs it as well.
ignore_index = 255
load = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", reduce_zero_label=False),
    dict(type="PackSegInputs"),
]
train_dataset = dict(
    type="BaseSegDataset",
    data_root=data_root,
    metainfo=metainfo,
    data_prefix=dict(img_path="img_dir/train", seg_map_path="ann_dir/train"),
    ann_file="split_dir/train.txt",
    img_suffix=".jpg",
    seg_map_suffix=".png",
    reduce_zero_label=False,
    ignore_index=ignore_index,
    pipeline=load,
)
val_dataset = dict(
    type="BaseSegDataset",
    data_root=data_root,
    metainfo=metainfo,
    data_prefix=dict(img_path="img_dir/val", seg_map_path="ann_dir/val"),
    ann_file="split_dir/val.txt",
    img_suffix=".jpg",
    seg_map_suffix=".png",
    reduce_zero_label=False,
    ignore_index=ignore_index,
    pipeline=load,
)
# Split files of single scenes: use one as ann_file above.
train_scenes = {
    "green": "split_dir/green-train.txt",
    "walls": "split_dir/walls-train.txt",
}
val_scenes = {
    "walls": "split_dir/walls-val.txt",
}

# mmsegmentation 0.x:
# data = dict(
#     train=dict(
#         type="CustomDataset",
#         data_root=data_root,
#         img_dir="img_dir/train",
#         ann_dir="ann_dir/train",
#         split="split_dir/train.txt",
#         img_suffix=".jpg",
#         seg_map_suffix=".png",
#         classes=("background", "person"),
#         palette=[[0, 0, 0], [0, 192, 96]],
#         reduce_zero_label=False,
#         ignore_index=255,
#         pipeline=[dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")],
#     ),
#     val=dict(
#         type="CustomDataset",
#         data_root=data_root,
#         img_dir="img_dir/val",
#         ann_dir="ann_dir/val",
#         split="split_dir/val.txt",
#         img_suffix=".jpg",
#         seg_map_suffix=".png",
#         classes=("background", "person"),
#         palette=[[0, 0, 0], [0, 192, 96]],
#         reduce_zero_label=False,
#         ignore_index=255,
#         pipeline=[dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")],
#     ),
# )
